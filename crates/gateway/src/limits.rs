//! A limit on everything, in one place.

use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Limits {
    /// Of a request, counted while it arrives.
    pub body_bytes_max: usize,
    /// How long a request's body may take to arrive.
    pub body_read_max: Duration,
    /// Of a plain answer.
    pub answer_bytes_max: usize,
    /// Of a streamed answer, and of one that is no JSON: both are passed on as they come.
    pub stream_bytes_max: usize,
    /// Of one event in a stream.
    pub event_bytes_max: usize,
    /// What is read of a provider's error.
    pub error_bytes_max: usize,
    /// Calls made for one request.
    pub attempts_max: u32,
    pub connect_max: Duration,
    /// From the request's last byte to the answer's head. Long: plain answers come when the model has finished.
    pub first_byte_max: Duration,
    /// Between two pieces of an answer.
    pub idle_max: Duration,
    /// What is held back of a stream until the first piece of its answer, and for how long: so far another attempt can mend it.
    pub held_bytes_max: usize,
    pub held_max: Duration,
    /// One request, all attempts and the whole answer.
    pub total_max: Duration,
    /// How long the last byte of an answer waits for its record to be written.
    pub record_max: Duration,
    /// How long cached identities serve while news of changes cannot be read.
    pub stale_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 32 << 20,
            body_read_max: Duration::from_secs(60),
            answer_bytes_max: 32 << 20,
            stream_bytes_max: 256 << 20,
            event_bytes_max: 16 << 20,
            error_bytes_max: 64 << 10,
            attempts_max: 3,
            connect_max: Duration::from_secs(10),
            first_byte_max: Duration::from_secs(600),
            idle_max: Duration::from_secs(300),
            held_bytes_max: 64 << 10,
            held_max: Duration::from_secs(10),
            total_max: Duration::from_secs(3600),
            record_max: Duration::from_secs(10),
            stale_max: Duration::from_secs(60),
        }
    }
}
