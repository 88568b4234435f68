//! Another program keeps the database locked: for ten seconds, and for longer than what people said waits.

use std::time::Duration;

use wilco_core::{Clock, EnvelopeKind};
use wilco_sim::clock::MachineClock;
use wilco_tests::real::count::Tally;
use wilco_tests::real::holder::Holder;
use wilco_tests::real::{Form, Scene};

use super::{
    HEARD_WITHIN, Outcome, SOON, answered, concludes, holder_program, home, is_unready, outcome, page_of, scene, shows,
    told, until, within,
};

/// Shorter than the lock of a minute, and longer than the pause between two signs of life.
const LIMITS: &str = "[defaults]\ninactivity = \"20s\"\n";

/// A job runs while the lock lasts.
pub(super) async fn for_moments() -> Outcome {
    let mut scene = scene(home(LIMITS)).await;
    let result = lock(&mut scene, Duration::from_secs(10), &[Form::Short, Form::Steady], &[0, 3, 6]).await;
    outcome("locked for 10 s", &scene, result, &[("Done", 5), ("Reminder", 1)]).await
}

/// Longer than a batch waits for the store, than its platform waits for an answer, and than the limit of silence. One job
/// ends meanwhile, and one goes on.
pub(super) async fn for_longer(seconds: u64) -> Outcome {
    let mut scene = scene(home(LIMITS)).await;
    let hold = Duration::from_secs(seconds);
    let result = lock(&mut scene, hold, &[Form::Endless, Form::Steady], &[0, 25, 64]).await;
    outcome("locked for more than a minute", &scene, result, &[("Cancelled", 1), ("Done", 4), ("Reminder", 1)]).await
}

async fn lock(scene: &mut Scene, hold: Duration, forms: &[Form], moments: &[u64]) -> Result<Tally, String> {
    let mut running = scene.home.start(None);
    let page = page_of(&mut running).await?;
    let mut endless = None;
    for form in forms {
        let said = scene.crowd.says(*form).await;
        shows(scene, &said, if *form == Form::Short { EnvelopeKind::Content } else { EnvelopeKind::Progress }).await?;
        endless = endless.or((*form == Form::Endless).then_some(said));
    }
    let later = scene.crowd.says(Form::Later).await;
    answered(scene, &later, SOON).await?;

    let holder = Holder::of(holder_program(), scene.home.database()).await;
    let clock = MachineClock::start();
    let mut said = Vec::new();
    for moment in moments {
        until(&clock, Duration::from_secs(*moment)).await;
        said.push(scene.crowd.says(Form::Short).await);
    }
    is_unready(&page, Some("the store takes no changes")).await?;
    until(&clock, hold).await;
    // Who was only heard was promised nothing: nobody's work is accepted before it is stored.
    for said in &said {
        let told = told(scene, said).await;
        if told.answer.is_some_and(|(answer, _)| answer != "busy") {
            return Err(format!("{} was accepted by a store that was locked", said.tag));
        }
    }
    let released = clock.now();
    holder.lets_go().await;
    let (mut heard, mut acknowledged) = (Vec::new(), Vec::new());
    for said in &said {
        let told = answered(scene, said, SOON).await?;
        heard.push(told.heard.unwrap_or(Duration::MAX));
        shows(scene, said, EnvelopeKind::Content).await?;
        let snapshot = scene.snapshot().await;
        let stub = snapshot.at(&said.place.address).find(|message| message.is_visible_bot());
        acknowledged.extend(stub.map(|stub| stub.created().since(released)));
    }
    within("heard", heard, HEARD_WITHIN)?;
    within("acknowledged after the lock", acknowledged, ACKNOWLEDGED_WITHIN)?;
    is_unready(&page, None).await?;
    // Whoever still runs is as alive as before: it is ended by a person and by nothing else.
    if let Some(said) = endless {
        scene.stand.control.say(&said.person, &said.place, "/cancel").await.map_err(|error| error.to_string())?;
    }
    concludes(scene, running).await
}

/// Whoever waits looks again once a second.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(3);
