//! Where a blob lies in a pack.

/// What is compressed and sealed as one: a blob, or some small ones end to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frame {
    /// From the start of the pack, in bytes.
    pub offset: u32,
    /// Bytes as sealed.
    pub stored: u32,
    /// Bytes when opened, of all its blobs.
    pub plain: u32,
}

/// Where a blob lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub frame: Frame,
    /// Where in the opened frame it begins, in bytes.
    pub start: u32,
    /// Bytes when opened.
    pub plain: u32,
}

impl Place {
    /// Of a blob that is a frame by itself.
    pub fn alone(offset: u32, stored: u32, plain: u32) -> Self {
        Self { frame: Frame { offset, stored, plain }, start: 0, plain }
    }

    /// Whether it is a frame by itself.
    pub fn is_alone(&self) -> bool {
        self.start == 0 && self.plain == self.frame.plain
    }

    /// Its part of the stored bytes: those of all blobs of a frame add up to the frame.
    pub fn share(&self) -> u32 {
        if self.is_alone() {
            return self.frame.stored;
        }
        let until = |plain: u32| {
            let share = u64::from(self.frame.stored) * u64::from(plain);
            share / u64::from(self.frame.plain.max(1))
        };
        // No more than the frame, whose length is of 32 bits.
        (until(self.start.saturating_add(self.plain)) - until(self.start)) as u32
    }

    /// The blob in its opened frame.
    pub fn of<'a>(&self, opened: &'a [u8]) -> Option<&'a [u8]> {
        let start = self.start as usize;
        opened.get(start..start.checked_add(self.plain as usize)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn shares_add_up_to_the_frame(
            stored in 1_u32..16_777_216,
            lengths in proptest::collection::vec(1_u32..100_000, 1..100),
        ) {
            let frame = Frame { offset: 7, stored, plain: lengths.iter().sum() };
            let mut start = 0;
            let mut shares = 0;
            for plain in &lengths {
                shares += Place { frame, start, plain: *plain }.share();
                start += plain;
            }
            proptest::prop_assert_eq!(shares, stored);
        }
    }
}
