//! The steps of a request that are counted, and how many instructions each may take: twice what it took with `--release` when
//! that was last looked at, which leaves room for builds that are optimised less. More is a fault; less than a third of it,
//! too: then the bound is lowered here.

use super::work::Work;

pub struct Bound {
    pub work: Work,
    pub instructions_max: u64,
    /// Often enough that what happens now and then does not matter.
    pub times: u64,
}

const fn bound(work: Work, instructions_max: u64, times: u64) -> Bound {
    Bound { work, instructions_max, times }
}

pub const BOUNDS: &[Bound] = &[
    bound(Work::Splice, 21_000, 1000),
    bound(Work::Authenticate, 42_000, 1000),
    bound(Work::Plan, 35_000, 1000),
    bound(Work::OpenKey, 150_000, 500),
    bound(Work::Journal, 10_000, 1000),
    bound(Work::Meter, 2_100, 2000),
    bound(Work::Translate, 35_000, 1000),
    bound(Work::Request, 840_000, 400),
    bound(Work::Stream, 1_950_000, 100),
];
