//! `[limits]`: each has its unit in its name.

use super::read::{Section, of_nothing};
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
        of_nothing("limits", Self::read)
    }
}

impl Limits {
    pub(super) fn read(section: Section<'_>) -> Self {
        let size = |key| usize::try_from(section.count(key)).unwrap_or(usize::MAX);
        let limits = Self {
            request_bytes_max: size("request_bytes_max"),
            json_depth_max: size("json_depth_max"),
            json_values_max: size("json_values_max"),
            batch_calls_max: size("batch_calls_max"),
            evaluation_milliseconds_max: section.count("evaluation_milliseconds_max"),
            evaluation_instructions_max: section.count("evaluation_instructions_max"),
            evaluation_output_bytes_max: size("evaluation_output_bytes_max"),
            in_flight_decisions_max: size("in_flight_decisions_max"),
            in_flight_rpcs_max: size("in_flight_rpcs_max"),
            request_bytes_in_flight_max: size("request_bytes_in_flight_max"),
            stream_window_decisions_max: size("stream_window_decisions_max"),
            verdict_valid_seconds: section.count("verdict_valid_seconds"),
            cacheable_seconds: section.count("cacheable_seconds"),
            policy_sets_held_max: size("policy_sets_held_max"),
            transport: TransportLimits::read(&section),
        };
        section.end();
        limits
    }
}

impl TransportLimits {
    fn read(section: &Section<'_>) -> Self {
        let size = |key| usize::try_from(section.count(key)).unwrap_or(usize::MAX);
        let narrow = |key| u32::try_from(section.count(key)).unwrap_or(u32::MAX);
        let seconds = |key| Duration::from_secs(section.count(key));
        let milliseconds = |key| Duration::from_millis(section.count(key));
        Self {
            connections_max: size("connections_max"),
            connections_per_peer_max: size("connections_per_peer_max"),
            stranger_max: milliseconds("stranger_milliseconds_max"),
            handshake_max: milliseconds("handshake_milliseconds_max"),
            header_list_bytes_max: narrow("header_list_bytes_max"),
            streams_per_connection_max: narrow("streams_per_connection_max"),
            request_max: milliseconds("request_milliseconds_max"),
            keepalive_interval: seconds("keepalive_seconds"),
            keepalive_timeout: seconds("keepalive_timeout_seconds"),
            connection_age_max: seconds("connection_age_seconds_max"),
            connection_grace_max: seconds("connection_grace_seconds_max"),
            drain_max: seconds("drain_seconds_max"),
        }
    }
}
