//! `[limits]`: each has its unit in its name.

use super::read::Section;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The limits of `docs/configuration.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest request.
    pub request_bytes_max: usize,
    /// Deepest JSON.
    pub json_depth_max: usize,
    /// Most values in one JSON document.
    pub json_values_max: usize,
    /// Most calls in one `DecideBatch`.
    pub batch_calls_max: usize,
    /// Longest evaluation.
    pub evaluation_milliseconds_max: u64,
    /// Most instructions of one evaluation.
    pub evaluation_instructions_max: u64,
    /// Largest answer of the policies.
    pub evaluation_output_bytes_max: usize,
    /// Most decisions at once; beyond it `RESOURCE_EXHAUSTED`.
    pub in_flight_decisions_max: usize,
    /// Most RPCs at once, but for health; beyond it `RESOURCE_EXHAUSTED`.
    pub in_flight_rpcs_max: usize,
    /// Most bytes of requests that are being received; never less than two messages.
    pub request_bytes_in_flight_max: usize,
    /// Most unanswered decisions of one stream.
    pub stream_window_decisions_max: usize,
    /// How long a verdict may be used.
    pub verdict_valid_seconds: u64,
    /// How long an answer may be taken again for the same question; 0: never.
    pub cacheable_seconds: u64,
    /// Policy sets that are held beside the newest, to roll back to.
    pub policy_sets_held_max: usize,
    /// Connections and what runs on them.
    pub transport: TransportLimits,
}

/// Limits of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportLimits {
    /// Most connections at once.
    pub connections_max: usize,
    /// Most connections at once of one uid or address.
    pub connections_per_peer_max: usize,
    /// How long a connection may last that nobody who is known has.
    pub stranger_max: Duration,
    /// How long a connection may take for TLS and the HTTP/2 preface.
    pub handshake_max: Duration,
    /// Largest list of headers of a request, in bytes.
    pub header_list_bytes_max: u32,
    /// Requests under way on one connection.
    pub streams_per_connection_max: u32,
    /// How long a request may take, its body included.
    pub request_max: Duration,
    /// How often a quiet connection is asked whether it lives.
    pub keepalive_interval: Duration,
    /// How long the answer may take.
    pub keepalive_timeout: Duration,
    /// After which time, give or take a tenth, a client is asked to connect anew.
    pub connection_age_max: Duration,
    /// How long calls under way may take from then on.
    pub connection_grace_max: Duration,
    /// How long the end of the process waits for calls under way.
    pub drain_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes_max: 4 << 20,
            json_depth_max: 64,
            json_values_max: 250_000,
            batch_calls_max: 512,
            evaluation_milliseconds_max: 20,
            evaluation_instructions_max: 200_000,
            evaluation_output_bytes_max: 256 << 10,
            in_flight_decisions_max: 4096,
            in_flight_rpcs_max: 16_384,
            request_bytes_in_flight_max: 256 << 20,
            stream_window_decisions_max: 64,
            verdict_valid_seconds: 30,
            cacheable_seconds: 5,
            policy_sets_held_max: 3,
            transport: TransportLimits::default(),
        }
    }
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            connections_max: 768,
            connections_per_peer_max: 512,
            stranger_max: Duration::from_secs(10),
            handshake_max: Duration::from_secs(10),
            // A token of 16 KiB, and room for the rest.
            header_list_bytes_max: 32 << 10,
            streams_per_connection_max: 256,
            request_max: Duration::from_secs(30),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            connection_age_max: Duration::from_secs(3600),
            connection_grace_max: Duration::from_secs(60),
            drain_max: Duration::from_secs(10),
        }
    }
}

/// Most bytes of one message's part, and of what policies answer.
const PART_BYTES: RangeInclusive<u64> = 1024..=64 << 20;
/// Most bytes of what is being received.
const REQUESTS_BYTES: RangeInclusive<u64> = 1 << 20..=64 << 30;
/// Most of what is counted in thousands.
pub(super) const MANY: RangeInclusive<u64> = 1..=1_000_000;
/// An hour, in seconds.
const WITHIN_AN_HOUR: RangeInclusive<u64> = 1..=3600;
/// A day, in seconds.
const WITHIN_A_DAY: RangeInclusive<u64> = 1..=86_400;

impl Limits {
    pub(super) fn read(section: Section<'_>) -> Self {
        let default = Self::default();
        let size = |key, default: usize, range| size(&section, key, default, range);
        let limits = Self {
            request_bytes_max: size("request_bytes_max", default.request_bytes_max, PART_BYTES),
            json_depth_max: size("json_depth_max", default.json_depth_max, 4..=128),
            json_values_max: size("json_values_max", default.json_values_max, 100..=4_000_000),
            batch_calls_max: size("batch_calls_max", default.batch_calls_max, 1..=10_000),
            evaluation_milliseconds_max: section.count(
                "evaluation_milliseconds_max",
                default.evaluation_milliseconds_max,
                1..=10_000,
            ),
            evaluation_instructions_max: section.count(
                "evaluation_instructions_max",
                default.evaluation_instructions_max,
                1_000..=1_000_000_000,
            ),
            evaluation_output_bytes_max: size(
                "evaluation_output_bytes_max",
                default.evaluation_output_bytes_max,
                PART_BYTES,
            ),
            in_flight_decisions_max: size(
                "in_flight_decisions_max",
                default.in_flight_decisions_max,
                MANY,
            ),
            in_flight_rpcs_max: size("in_flight_rpcs_max", default.in_flight_rpcs_max, MANY),
            request_bytes_in_flight_max: size(
                "request_bytes_in_flight_max",
                default.request_bytes_in_flight_max,
                REQUESTS_BYTES,
            ),
            stream_window_decisions_max: size(
                "stream_window_decisions_max",
                default.stream_window_decisions_max,
                1..=10_000,
            ),
            verdict_valid_seconds: section.count(
                "verdict_valid_seconds",
                default.verdict_valid_seconds,
                WITHIN_AN_HOUR,
            ),
            cacheable_seconds: section.count(
                "cacheable_seconds",
                default.cacheable_seconds,
                0..=3600,
            ),
            policy_sets_held_max: size(
                "policy_sets_held_max",
                default.policy_sets_held_max,
                0..=64,
            ),
            transport: TransportLimits::read(&section),
        };
        section.end();
        limits
    }
}

impl TransportLimits {
    fn read(section: &Section<'_>) -> Self {
        let default = Self::default();
        let seconds = |key, default: Duration, range| {
            Duration::from_secs(section.count(key, default.as_secs(), range))
        };
        let narrow = |key, default: u32, range| {
            u32::try_from(section.count(key, default.into(), range)).unwrap_or(default)
        };
        Self {
            connections_max: size(section, "connections_max", default.connections_max, MANY),
            connections_per_peer_max: size(
                section,
                "connections_per_peer_max",
                default.connections_per_peer_max,
                MANY,
            ),
            stranger_max: milliseconds(section, "stranger_milliseconds_max", default.stranger_max),
            handshake_max: milliseconds(
                section,
                "handshake_milliseconds_max",
                default.handshake_max,
            ),
            header_list_bytes_max: narrow(
                "header_list_bytes_max",
                default.header_list_bytes_max,
                1024..=1 << 20,
            ),
            streams_per_connection_max: narrow(
                "streams_per_connection_max",
                default.streams_per_connection_max,
                1..=10_000,
            ),
            request_max: milliseconds(section, "request_milliseconds_max", default.request_max),
            keepalive_interval: seconds(
                "keepalive_seconds",
                default.keepalive_interval,
                WITHIN_AN_HOUR,
            ),
            keepalive_timeout: seconds(
                "keepalive_timeout_seconds",
                default.keepalive_timeout,
                WITHIN_AN_HOUR,
            ),
            connection_age_max: seconds(
                "connection_age_seconds_max",
                default.connection_age_max,
                WITHIN_A_DAY,
            ),
            connection_grace_max: seconds(
                "connection_grace_seconds_max",
                default.connection_grace_max,
                WITHIN_AN_HOUR,
            ),
            drain_max: seconds("drain_seconds_max", default.drain_max, WITHIN_AN_HOUR),
        }
    }
}

pub(super) fn size(
    section: &Section<'_>,
    key: &'static str,
    default: usize,
    range: RangeInclusive<u64>,
) -> usize {
    let read = section.count(key, default as u64, range);
    usize::try_from(read).unwrap_or(default)
}

fn milliseconds(section: &Section<'_>, key: &'static str, default: Duration) -> Duration {
    let default = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(section.count(key, default, 10..=600_000))
}
