//! Owns what the system's allocator is told: to keep few pools, and when to give back what is free. Elsewhere than with
//! glibc it does nothing.
//!
//! A comparison of a large tree holds a hundred megabytes for a moment. Left to itself, glibc keeps a pool for every few
//! threads, and most of what was ever used in each.

/// Has the allocator keep few pools. To be called before the first thread is started.
pub fn keep_few_pools() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[expect(unsafe_code, reason = "the allocator has no other way to be told")]
        let told = |what, value| {
            // SAFETY: both are plain numbers, and no other thread runs yet.
            unsafe { libc::mallopt(what, value) == 1 }
        };
        // Walks, looks and the runtime's threads rarely want memory at the same moment.
        const POOLS: i32 = 2;
        // Said once, they are not raised by what is freed: a large buffer goes back when it is let go.
        const LARGE: i32 = 1 << 20;
        let all = [(libc::M_ARENA_MAX, POOLS), (libc::M_MMAP_THRESHOLD, LARGE), (libc::M_TRIM_THRESHOLD, LARGE)];
        if !all.map(|(what, value)| told(what, value)).iter().all(|told| *told) {
            tracing::debug!("the allocator keeps to its own ways");
        }
    }
}

/// Gives back to the system what is free. It takes some milliseconds for each hundred megabytes.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[expect(unsafe_code, reason = "the allocator has no other way to be told")]
        // SAFETY: it may be called at any time, from any thread.
        unsafe {
            libc::malloc_trim(0);
        }
    }
}
