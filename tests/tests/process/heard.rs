//! A store that takes nothing for a while, and people who go on giving commands meanwhile: Slack wants every
//! acknowledgement within three seconds, and nobody has to give anything again.

use std::time::Duration;

use wilco_core::{Clock, EnvelopeKind};
use wilco_sim::clock::MachineClock;
use wilco_sim::slack::FakeSlack;
use wilco_tests::fake::{Fake, Seen};
use wilco_tests::real::holder::Holder;
use wilco_tests::real::{Folk, Form, Ground, Home, Way, Workspace};

use super::{ENDS_WITHIN, SETTLES_WITHIN, SOON, holder_program, program};

/// The time that Slack gives for an acknowledgement.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(3);
/// Somebody who asks for nothing.
const BYSTANDER: usize = 100;
/// How long people live between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// The messages that show a job at work.
fn working(fake: &FakeSlack) -> Vec<Seen> {
    let all = fake.seen().into_iter();
    all.filter(|one| one.is_public() && one.kind == Some(EnvelopeKind::Progress)).collect()
}

/// Somebody who has started none of them presses the button of each.
fn presses(folk: &Folk<Workspace>) -> Result<(), String> {
    let fake = folk.ground.fake();
    for message in working(fake) {
        Fake::press(fake, &folk.ground.person(BYSTANDER), &message.id, "Cancel").map_err(|why| why.to_string())?;
    }
    Ok(())
}

/// The store is locked for so long, from the moment on which a job runs.
pub(super) async fn while_locked(hold: Duration) -> Result<(), String> {
    let mut folk = Folk::<Workspace>::open().await;
    let mut home = Home::new(program(), &folk.ground.config());
    for (name, value) in folk.ground.environment() {
        home = home.with(name, value);
    }
    let running = home.start(None);
    let judged = async {
        // Somebody has said something before, and two jobs run all the while.
        folk.want(Form::Short, Way::Mention, None);
        folk.want(Form::Waits, Way::Command, None);
        folk.want(Form::Waits, Way::Mention, None);
        let clock = MachineClock::start();
        while working(folk.ground.fake()).len() < 2 {
            if clock.monotonic() > SOON {
                return Err("nobody was ever answered".to_owned());
            }
            folk.lives_for(LOOK).await;
        }
        let connections = folk.ground.begun();

        let holder = Holder::of(holder_program(), home.database()).await;
        let clock = MachineClock::start();
        let mut asked = 0;
        while clock.monotonic() < hold {
            // Some at once and some later, so that they meet every moment of the wait.
            if clock.monotonic() >= Duration::from_millis(800) * asked {
                asked += 1;
                folk.want(Form::Short, Way::Command, None);
                folk.want(Form::Short, Way::Mention, None);
                folk.want(Form::Later, Way::Command, None);
                presses(&folk)?;
            }
            folk.lives_for(LOOK).await;
        }
        holder.lets_go().await;
        home.go();
        folk.settles(&home, SETTLES_WITHIN).await?;

        let tally = folk.tally(&home).await?;
        let mut wrong = tally.wrong;
        if tally.again > 0 {
            wrong.push(format!("{} commands had to be given again", tally.again));
        }
        let fake = folk.ground.fake();
        let (took, counts) = (fake.acknowledged_after(), fake.socket_counts());
        wrong.extend(
            took.iter().filter(|took| **took > ACKNOWLEDGED_WITHIN).map(|took| format!("acknowledged after {took:?}")),
        );
        if !took.iter().any(|took| *took > Duration::from_secs(1)) {
            wrong.push(format!("nothing had to wait for the store: {took:?}"));
        }
        if counts.redelivered + counts.lost > 0 || counts.connections != connections {
            wrong.push(format!("{counts:?}, of which {connections} connections before"));
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    };
    let judged = judged.await;
    let ended = running.terminate(ENDS_WITHIN).await;
    let report = || format!("{}\n{}\n{}", folk.ground.report(), folk.ground.fake().whole_transcript(), home.log());
    judged.map_err(|why| format!("locked for {hold:?}: {why}\n{}", report()))?;
    ended.map(drop)
}
