//! Owns made-up contents of files. Never writes one.

/// `size` bytes of text that differ from `seed` to `seed` and do not compress to nothing.
#[must_use]
pub fn text(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed + 1;
    let mut letter = || {
        // Knuth's MMIX generator; the low bits are weak, so the high ones are used.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b'!' + u8::try_from((state >> 33) % 90).expect("invariant: below 90")
    };
    let mut text: Vec<u8> = (0..size - 1).map(|_| letter()).collect();
    text[0] = b'#';
    text.push(b'\n');
    text
}
