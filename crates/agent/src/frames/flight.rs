//! Owns the bound on bulk bytes in flight. Pure: time comes in.
//!
//! What already sits in a socket's buffer can't be overtaken by a debugger's frame, so no more bulk is put
//! there than the line needs: bandwidth times (shortest round trip + a little). Measuring both is BBR's idea.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The lower bound keeps the start and a slow line short.
const MIN: usize = 128 * 1024;
/// The upper bound keeps memory and delay bounded whatever was measured.
const MAX: usize = 8 * 1024 * 1024;
/// Queueing that is allowed on top of the shortest round trip; below this a person notices nothing.
const ALLOWANCE: Duration = Duration::from_millis(10);
/// The same as a part of the round trip, so that a long line fills up in few of them.
const ALLOWANCE_PART: f64 = 0.25;
/// How long the best bandwidth and the shortest round trip are believed: two periods of this length.
const PERIOD: Duration = Duration::from_secs(5);

struct Sent {
    seq: u64,
    size: usize,
    at: Instant,
    delivered: u64,
    /// Whether so much was under way before it that the line had no time to idle.
    busy: bool,
}

#[derive(Clone, Copy)]
struct Best {
    rate: f64,
    /// Of pieces that were sent while the line was busy.
    busy_rate: f64,
    trip: f64,
}

const NOTHING_YET: Best = Best { rate: 0.0, busy_rate: 0.0, trip: f64::INFINITY };

/// Counts unacknowledged bulk bytes and says whether more may go.
pub(crate) struct Flight {
    sent: VecDeque<Sent>,
    bytes: usize,
    delivered: u64,
    limit: usize,
    period: Option<Instant>,
    current: Best,
    previous: Best,
}

impl Default for Flight {
    fn default() -> Self {
        Self {
            sent: VecDeque::new(),
            bytes: 0,
            delivered: 0,
            limit: 2 * MIN,
            period: None,
            current: NOTHING_YET,
            previous: NOTHING_YET,
        }
    }
}

impl Flight {
    /// Whether another piece may go.
    pub(crate) fn has_room(&self) -> bool {
        self.bytes < self.limit
    }

    /// What the line carried lately when it was busy, in bytes a second; 0 when it was not.
    pub(crate) fn rate(&self) -> u64 {
        self.current.busy_rate.max(self.previous.busy_rate) as u64
    }

    /// A piece went.
    pub(crate) fn on_sent(&mut self, seq: u64, size: usize, now: Instant) {
        self.sent.push_back(Sent { seq, size, at: now, delivered: self.delivered, busy: self.bytes >= MIN });
        self.bytes += size;
    }

    /// Everything up to `ack` arrived.
    pub(crate) fn on_ack(&mut self, ack: u64, now: Instant) {
        let mut last = None;
        while self.sent.front().is_some_and(|sent| sent.seq <= ack) {
            let Some(sent) = self.sent.pop_front() else { break };
            self.bytes -= sent.size;
            self.delivered += sent.size as u64;
            last = Some(sent);
        }
        let Some(last) = last else { return };
        if self.period.is_none_or(|start| now.duration_since(start) > PERIOD) {
            self.period = Some(now);
            self.previous = self.current;
            self.current = NOTHING_YET;
        }
        let trip = now.duration_since(last.at).as_secs_f64().max(1e-5);
        let rate = (self.delivered - last.delivered) as f64 / trip;
        let busy_rate = if last.busy { self.current.busy_rate.max(rate) } else { self.current.busy_rate };
        self.current = Best { rate: self.current.rate.max(rate), busy_rate, trip: self.current.trip.min(trip) };
        let trip = self.current.trip.min(self.previous.trip);
        let span = trip + ALLOWANCE.as_secs_f64().max(trip * ALLOWANCE_PART);
        self.limit = ((self.current.rate.max(self.previous.rate) * span) as usize).clamp(MIN, MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends over a line of `rate` bytes a second and `trip` round trip for `seconds`.
    fn settle(rate: f64, trip: f64, seconds: f64) -> Flight {
        let start = Instant::now();
        let mut flight = Flight::default();
        let (mut now, mut seq, mut line_free) = (0.0_f64, 0, 0.0_f64);
        let mut arriving: VecDeque<(f64, u64)> = VecDeque::new();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        while now < seconds {
            while flight.has_room() {
                seq += 1;
                flight.on_sent(seq, 32 * 1024, at(now));
                line_free = line_free.max(now) + 32.0 * 1024.0 / rate;
                arriving.push_back((line_free + trip, seq));
            }
            let (when, acked) = arriving.pop_front().unwrap();
            now = now.max(when);
            flight.on_ack(acked, at(now));
        }
        flight
    }

    #[test]
    fn a_fast_long_line_is_filled_and_a_slow_one_is_not_flooded() {
        // (bytes a second, round trip, least, most): least is what keeps the line full.
        let table = [
            (20e6, 0.050, 1_000_000, 1_600_000),
            (100e6, 0.050, 5_000_000, MAX),
            (1e6, 0.050, MIN, MIN),
            (1e9, 0.0002, 200_000, MAX),
        ];
        for (rate, trip, least, most) in table {
            let flight = settle(rate, trip, 4.0);
            let limit = flight.limit;
            assert!((least..=most).contains(&limit), "{rate} B/s, {trip} s: {limit}");
            assert!(flight.rate() as f64 <= rate * 1.01, "{rate} B/s, {trip} s: {} B/s", flight.rate());
            assert!(flight.rate() > 0, "{rate} B/s, {trip} s");
        }
    }

    #[test]
    fn nothing_more_goes_before_something_arrived() {
        let now = Instant::now();
        let mut flight = Flight::default();
        for seq in 1..=8 {
            assert!(flight.has_room());
            flight.on_sent(seq, 32 * 1024, now);
        }
        assert!(!flight.has_room());
        flight.on_ack(1, now + Duration::from_secs(1));
        assert!(!flight.has_room(), "a slow line: the bound went down to the least");
        flight.on_ack(8, now + Duration::from_secs(1));
        assert!(flight.has_room());
    }
}
