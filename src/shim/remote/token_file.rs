//! The file with the bearer token that a shim shows: read again when it changes, because tokens
//! are short-lived and shims are not.

#[cfg(test)]
mod tests;

use crate::model::subject::Token;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How often is looked whether the file has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why a file holds no token. Neither the token nor a part of it is ever in an error.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// It cannot be read.
    #[error("cannot read `{}`: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It holds something else.
    #[error("`{}`: {what}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        what: &'static str,
    },
}

/// A token, and the file that it is in. Clones share what was read.
#[derive(Clone, Debug)]
pub struct TokenFile {
    path: PathBuf,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug)]
struct Held {
    token: Token,
    written: Option<Written>,
    looked: Instant,
}

/// By what a file that was written anew is told from the old one.
type Written = (SystemTime, u64);

impl TokenFile {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or holds no token.
    pub fn open(path: &Path) -> Result<Self, TokenFileError> {
        // Looked at before it is read: a change in between is noticed the next time.
        let written = written(path);
        let held = Held {
            token: read(path)?,
            written,
            looked: Instant::now(),
        };
        Ok(Self {
            path: path.to_owned(),
            held: Arc::new(Mutex::new(held)),
        })
    }

    /// The token as the file has it now. What cannot be used any more is said, and the last good
    /// token stays: whether it still counts is for the PDP to say.
    #[must_use]
    pub fn token(&self) -> Token {
        self.token_at(Instant::now())
    }

    fn token_at(&self, now: Instant) -> Token {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(held.looked) < LOOK_EVERY {
            return held.token.clone();
        }
        held.looked = now;
        let written = written(&self.path);
        if written != held.written {
            held.written = written;
            match read(&self.path) {
                Ok(token) => held.token = token,
                Err(error) => tracing::warn!(%error, "the last good token stays in use"),
            }
        }
        held.token.clone()
    }
}

fn written(path: &Path) -> Option<Written> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(path: &Path) -> Result<Token, TokenFileError> {
    let bytes = std::fs::read(path).map_err(|error| TokenFileError::Unreadable {
        path: path.to_owned(),
        error,
    })?;
    token(bytes).map_err(|what| TokenFileError::Unusable {
        path: path.to_owned(),
        what,
    })
}

fn token(bytes: Vec<u8>) -> Result<Token, &'static str> {
    let text = String::from_utf8(bytes)
        .map_err(|_| "it is not UTF-8 text; write the bearer token into it")?;
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty; write the bearer token into it");
    }
    if text.contains(char::is_whitespace) {
        return Err("it holds more than one word; write the bearer token alone into it");
    }
    if !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err("it holds characters that no bearer token has; write the token into it");
    }
    Ok(Token::new(text))
}
