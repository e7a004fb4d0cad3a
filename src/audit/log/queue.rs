//! What waits for the writer.
//!
//! Waking a thread costs more than making a record. So the writer is woken for what somebody waits
//! for, for a full batch, and where it had nothing to do; all else it finds when its time is up.
//!
//! Who waited for one batch is often back with the next record a moment later. The first to be back
//! does not get a sync for itself while all others wait for the one after it.

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
    /// How many of them somebody waits for.
    awaited: usize,
    /// How many of the last batch somebody waited for.
    returning: usize,
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
    /// Somebody waits for one, or there is a reason not to wait for more of them.
    UntilAwaited,
    /// There is a reason not to wait for more of them.
    UntilWorthwhile,
}

impl State {
    fn is_awaited(&self) -> bool {
        self.awaited > 0
    }

    fn is_worthwhile(&self) -> bool {
        let are_back = self.is_awaited() && self.awaited >= self.returning;
        self.is_closed || are_back || self.messages.len() >= self.batch_records_max
    }

    fn wakes(&self) -> bool {
        match self.sleeps {
            Sleeps::Not => false,
            Sleeps::UntilAny => self.is_closed || !self.messages.is_empty(),
            Sleeps::UntilAwaited => self.is_awaited() || self.is_worthwhile(),
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
        state.awaited += usize::from(message.is_awaited());
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
    /// waits for is held back a little, so that a slow trickle does not mean a sync each; what
    /// somebody waits for, no longer than this, until as many wait as for the last batch.
    pub fn take(&self, for_others: Duration) -> Option<VecDeque<Message>> {
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
        let is_unawaited = |state: &State| !state.is_awaited() && !state.is_worthwhile();
        state = self.sleep(state, Sleeps::UntilAwaited, self.patience, is_unawaited);
        if state.is_awaited() {
            let are_away = |state: &State| !state.is_worthwhile();
            state = self.sleep(state, Sleeps::UntilWorthwhile, for_others, are_away);
        }
        let count = state.messages.len().min(self.batch_records_max);
        let rest = state.messages.split_off(count);
        let left = rest.iter().filter(|message| message.is_awaited()).count();
        state.returning = state.awaited - left;
        state.awaited = left;
        Some(std::mem::replace(&mut state.messages, rest))
    }

    /// Sleeps while this holds, and no longer than this.
    fn sleep<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        sleeps: Sleeps,
        at_most: Duration,
        still: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        if at_most.is_zero() || !still(&state) {
            return state;
        }
        state.sleeps = sleeps;
        let slept = self
            .wake
            .wait_timeout_while(state, at_most, |state| still(state));
        let (mut state, _) = slept.unwrap_or_else(PoisonError::into_inner);
        state.sleeps = Sleeps::Not;
        state
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
