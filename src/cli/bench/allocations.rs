//! How often and how much is allocated: only where the command was built to count it, because
//! counting costs each allocation of the server too.

/// Allocations of one thing that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allocations {
    pub(super) count: usize,
    pub(super) bytes: usize,
}

/// What `once` allocates, at its least of several times; `None` where nobody counts.
#[cfg(feature = "count-allocations")]
pub(super) fn of(mut once: impl FnMut()) -> Option<Allocations> {
    const TIMES: usize = 16;
    let counted = (0..TIMES).map(|_| {
        let region = stats_alloc::Region::new(&stats_alloc::INSTRUMENTED_SYSTEM);
        once();
        let change = region.change();
        let grown = usize::try_from(change.bytes_reallocated).unwrap_or_default();
        Allocations {
            count: change.allocations + change.reallocations,
            bytes: change.bytes_allocated + grown,
        }
    });
    counted.min_by_key(|counted| counted.count)
}

/// What `once` allocates; `None`: nobody counts.
#[cfg(not(feature = "count-allocations"))]
pub(super) fn of(_once: impl FnMut()) -> Option<Allocations> {
    None
}
