//! The steps of a request that are counted, and how many instructions each may take: about one and a half times what it took
//! when that was last looked at. More is a fault; less than half of it, too: then the bound is lowered here.

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
    bound(Work::Splice, 19_000, 1000),
    bound(Work::Authenticate, 100_000, 1000),
    bound(Work::Plan, 45_000, 1000),
    bound(Work::OpenKey, 300_000, 500),
    bound(Work::Journal, 45_000, 1000),
    bound(Work::Meter, 3_000, 2000),
    bound(Work::Translate, 35_000, 1000),
    bound(Work::Request, 1_450_000, 400),
    bound(Work::Stream, 3_500_000, 100),
];
