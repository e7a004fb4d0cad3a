//! An object store that fails when it is told to.

use super::*;
use std::sync::Mutex;

/// What goes wrong. Requests that change something are counted from 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    /// This request fails, and changes nothing.
    pub fail_at: Option<u64>,
    /// This request is done, and the answer is lost.
    pub lose_answer_at: Option<u64>,
}

type Object = (Vec<u8>, Option<Timestamp>);

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Object>,
    plan: Plan,
    requests: u64,
}

#[derive(Default)]
pub struct Memory(Mutex<State>);

impl Memory {
    pub fn set(&self, plan: Plan) {
        let mut state = self.0.lock().unwrap();
        state.plan = plan;
        state.requests = 0;
    }

    pub fn requests(&self) -> u64 {
        self.0.lock().unwrap().requests
    }

    pub fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().objects.keys().cloned().collect()
    }

    pub fn kept_until(&self, name: &str) -> Option<Timestamp> {
        self.0.lock().unwrap().objects[name].1
    }

    pub fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        change(&mut self.0.lock().unwrap().objects.get_mut(name).unwrap().0);
    }

    pub fn take(&self, name: &str) -> Object {
        self.0.lock().unwrap().objects.remove(name).unwrap()
    }

    pub fn put_back(&self, name: &str, object: Object) {
        self.0
            .lock()
            .unwrap()
            .objects
            .insert(name.to_owned(), object);
    }

    /// As a run does that moves everything.
    pub fn copy_to_tier(&self, tier: Tier) {
        let mut state = self.0.lock().unwrap();
        let moved = std::mem::take(&mut state.objects).into_iter();
        state.objects = moved
            .map(|(name, object)| {
                let (_, rest) = name.split_once('/').unwrap();
                (format!("{}/{rest}", tier.as_str()), object)
            })
            .collect();
    }

    fn request(&self, name: &str, act: impl FnOnce(&mut State)) -> Result<(), StoreError> {
        let mut state = self.0.lock().unwrap();
        let number = state.requests;
        state.requests += 1;
        let failed = |cause: &str| StoreError::Failed {
            name: name.to_owned(),
            cause: cause.to_owned(),
        };
        if state.plan.fail_at == Some(number) {
            return Err(failed("injected failure"));
        }
        act(&mut state);
        match state.plan.lose_answer_at == Some(number) {
            true => Err(failed("the answer is lost")),
            false => Ok(()),
        }
    }
}

impl Objects for Memory {
    fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let prefix = format!("{prefix}/");
        let names = self.names().into_iter();
        Ok(names.filter(|name| name.starts_with(&prefix)).collect())
    }

    fn get(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let state = self.0.lock().unwrap();
        let found = state.objects.get(name);
        found
            .map(|(content, _)| content.clone())
            .ok_or_else(|| StoreError::Failed {
                name: name.to_owned(),
                cause: "not found".to_owned(),
            })
    }

    fn put(
        &self,
        name: &str,
        content: &[u8],
        kept_until: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.request(name, |state| {
            let object = (content.to_vec(), kept_until);
            state.objects.insert(name.to_owned(), object);
        })
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.request(name, |state| {
            state.objects.remove(name);
        })
    }
}
