//! Which packages are for which server: a call pays for those alone, however many there are.

use super::set::{Package, PolicySet};
use std::collections::HashMap;

/// Packages by the servers that they are for, as numbers in their order.
pub(super) struct Scopes {
    by_server: HashMap<String, Vec<usize>>,
    everywhere: Vec<usize>,
}

impl Scopes {
    /// Of these packages.
    pub(super) fn new(packages: &[Package]) -> Self {
        let mut scopes = Self {
            by_server: HashMap::new(),
            everywhere: Vec::new(),
        };
        for (number, package) in packages.iter().enumerate() {
            let Some(servers) = &package.servers else {
                scopes.everywhere.push(number);
                continue;
            };
            for server in servers {
                let numbers = scopes.by_server.entry(server.clone()).or_default();
                // A server may be named twice.
                if numbers.last() != Some(&number) {
                    numbers.push(number);
                }
            }
        }
        scopes
    }

    /// The packages for this server, in their order.
    fn of(&self, server: &str) -> impl Iterator<Item = usize> {
        let own = self.by_server.get(server).map(Vec::as_slice);
        let mut own = own.unwrap_or_default().iter().copied().peekable();
        let mut everywhere = self.everywhere.iter().copied().peekable();
        std::iter::from_fn(move || match (own.peek(), everywhere.peek()) {
            (Some(first), Some(other)) if first < other => own.next(),
            (Some(_), None) => own.next(),
            _ => everywhere.next(),
        })
    }
}

impl PolicySet {
    /// The packages for calls to this server, in the order of [`PolicySet::packages`].
    pub fn applicable(&self, server: &str) -> impl Iterator<Item = &Package> {
        let numbers = self.scopes.of(server);
        numbers.filter_map(|number| self.packages.get(number))
    }
}

#[cfg(test)]
mod tests;
