//! Owns bytes that look like chance and are the same in every run. Never good for a secret.

/// So many bytes that neither compress nor repeat, drawn from `seed` by Marsaglia's xorshift (13, 7, 17).
#[must_use]
pub fn noise(size: usize, seed: u64) -> Vec<u8> {
    let (mut state, mut bytes) = (seed | 1, Vec::with_capacity(size + 8));
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}
