//! Chance from a seed (SplitMix64).

/// It goes on where its seed leads.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Less than `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// Both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    /// So many different ones out of `0..count`.
    pub fn some(&mut self, count: usize, wanted: usize) -> Vec<usize> {
        let mut all: Vec<_> = (0..count).collect();
        for i in 0..wanted.min(count) {
            let j = i + self.below(count - i);
            all.swap(i, j);
        }
        all.truncate(wanted);
        all
    }
}
