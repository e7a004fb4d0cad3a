//! What waits for the writer.
//!
//! Waking a thread costs more than making a record. So the writer is woken for what somebody waits
//! for, for a full batch, and where it had nothing to do; all else it finds when its time is up.

use super::{Message, Options};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Why a message is not taken.
pub enum Refusal {
    Full,
    Closed,
}

pub struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    messages_max: usize,
    batch_records_max: usize,
    patience: Duration,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Message>,
    /// Whether somebody waits for one of them.
    is_awaited: bool,
    is_closed: bool,
    batch_records_max: usize,
    sleeps: Sleeps,
}

/// What the writer sleeps until.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Sleeps {
    /// It is awake.
    #[default]
    Not,
    /// There is a message.
    UntilAny,
    /// There is a reason not to wait for more of them.
    UntilWorthwhile,
}

impl State {
    fn is_worthwhile(&self) -> bool {
        self.is_closed || self.is_awaited || self.messages.len() >= self.batch_records_max
    }

    fn wakes(&self) -> bool {
        match self.sleeps {
            Sleeps::Not => false,
            Sleeps::UntilAny => self.is_closed || !self.messages.is_empty(),
            Sleeps::UntilWorthwhile => self.is_worthwhile(),
        }
    }
}

impl Queue {
    pub fn new(options: &Options) -> Self {
        let batch_records_max = options.batch_records_max.max(1);
        Self {
            state: Mutex::new(State {
                batch_records_max,
                ..State::default()
            }),
            wake: Condvar::new(),
            messages_max: options.queue_records_max.max(1),
            batch_records_max,
            patience: Duration::from_millis(options.batch_ms_max),
        }
    }

    /// Takes a message for the writer, if so many more have room after it.
    pub fn put(&self, message: Message, kept_free: usize) -> Result<(), Refusal> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(Refusal::Closed);
        }
        if state.messages.len().saturating_add(kept_free) >= self.messages_max {
            return Err(Refusal::Full);
        }
        state.is_awaited |= message.is_awaited();
        state.messages.push_back(message);
        self.wake(state);
        Ok(())
    }

    /// How many messages wait.
    pub fn len(&self) -> usize {
        self.lock().messages.len()
    }

    /// Whether it takes no more messages.
    pub fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Takes no more messages; the writer ends once it has those that wait.
    pub fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        self.wake(state);
    }

    /// The messages of the next batch, in their order; `None` once closed and empty. What nobody
    /// waits for is held back a little, so that a slow trickle does not mean a sync each.
    pub fn take(&self) -> Option<VecDeque<Message>> {
        let mut state = self.lock();
        while state.messages.is_empty() {
            if state.is_closed {
                return None;
            }
            state.sleeps = Sleeps::UntilAny;
            state = self
                .wake
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.sleeps = Sleeps::UntilWorthwhile;
        let (mut state, _) = self
            .wake
            .wait_timeout_while(state, self.patience, |state| !state.is_worthwhile())
            .unwrap_or_else(PoisonError::into_inner);
        state.sleeps = Sleeps::Not;
        let count = state.messages.len().min(self.batch_records_max);
        let rest = state.messages.split_off(count);
        state.is_awaited = rest.iter().any(Message::is_awaited);
        Some(std::mem::replace(&mut state.messages, rest))
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        if !state.wakes() {
            return;
        }
        // Once is enough.
        state.sleeps = Sleeps::Not;
        drop(state);
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it can panic halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
