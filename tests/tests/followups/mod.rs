//! Scripts about follow-ups: who says what and when, and what the channel shows.

mod basics;
mod changes;
mod clocks;
mod crashes;
mod drops;
mod fair;
mod gates;
mod outages;
mod places;
mod recurring;
mod retries;
mod rights;
mod silence;
mod stops;
mod stored;
mod times;
mod turns;
