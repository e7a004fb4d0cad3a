//! Pages of what was found, which stay the same while records arrive.

use super::filter::{Filter, Order};
use crate::model::json::Json;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Most records of one page.
pub const RECORDS_PER_PAGE_MAX: usize = 1_000;
/// A page ends at so many bytes of lines, but has at least one.
pub(super) const PAGE_BYTES_MAX: usize = 3 << 20;
/// The form of a token.
const TOKEN_VERSION: u8 = 1;
/// Bytes that bind a token to what was asked for.
const BINDING_BYTES: usize = 16;
const TOKEN_BYTES: usize = 1 + 8 + 8 + BINDING_BYTES;

/// Records, and where to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Seq and line of each, as it is in the log, without its end.
    pub records: Vec<(u64, Vec<u8>)>,
    /// Asks for the next page; `None`: this was the last.
    pub next: Option<PageToken>,
    /// The last seq that was looked at: later records are not among these pages. `None` of a log
    /// without records.
    pub through_seq: Option<u64>,
}

/// Where a page ended. It holds no secret and gives no right: who changes it reads other pages of
/// what may be read anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageToken {
    /// Records after this one came later, and are on no page.
    pub through_seq: u64,
    /// The last record that was given.
    pub at_seq: u64,
    binding: [u8; BINDING_BYTES],
}

/// It is no token, or one of another question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`page_token` is not from an answer to this question: filters and order must be the same")]
pub struct PageTokenError;

impl PageToken {
    pub(super) fn new(through_seq: u64, at_seq: u64, filter: &Filter, order: Order) -> Self {
        Self {
            through_seq,
            at_seq,
            binding: binding(filter, order),
        }
    }

    /// As text: letters, digits, `-` and `_`.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = vec![TOKEN_VERSION];
        bytes.extend(self.through_seq.to_be_bytes());
        bytes.extend(self.at_seq.to_be_bytes());
        bytes.extend(self.binding);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// From text, for the same question again.
    ///
    /// # Errors
    /// It is no token, or one of another question.
    pub fn decode(text: &str, filter: &Filter, order: Order) -> Result<Self, PageTokenError> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text);
        let bytes: [u8; TOKEN_BYTES] = bytes
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(PageTokenError)?;
        let number = |at: usize| {
            let digits = bytes.iter().skip(at).take(8);
            digits.fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        };
        let token = Self::new(number(1), number(9), filter, order);
        let is_same = token.encode() == text;
        if is_same && token.at_seq <= token.through_seq {
            Ok(token)
        } else {
            Err(PageTokenError)
        }
    }
}

fn binding(filter: &Filter, order: Order) -> [u8; BINDING_BYTES] {
    let mut asked = filter.to_json();
    asked.insert("order", order.as_str());
    let digest = Sha256::digest(Json::Object(asked).canonical());
    let mut binding = [0; BINDING_BYTES];
    for (byte, digit) in binding.iter_mut().zip(digest) {
        *byte = digit;
    }
    binding
}
