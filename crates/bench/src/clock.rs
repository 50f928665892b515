//! What time it is, as the gateway's rows tell it: one clock for all three journals.

use model::Clock as _;
use model::clock::SystemClock;

pub fn now_ms() -> i64 {
    SystemClock.now().unix_ms()
}
