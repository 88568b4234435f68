//! More than one window, and more than one person.

use wilco_tests::browser::Screen;

use super::page::{BOT, become_person, button, connection, delivery, known, message, note, run, say, signed_in, step};

#[tokio::test]
async fn m5_a_reload_in_the_middle_brings_the_conversation_and_its_progress_back() {
    let Some((bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    let (id, short) = run(&browser, "gated").await;
    bot.lets("gated");
    browser.sees(&known(&id, "step 2/3")).await;
    browser.reload().await;
    browser.sees(&format!("{}[@data-state='running']", known(&id, "step 2/3"))).await;
    browser.sees(&message("/run gated")).await;
    browser.sees(&connection("open", "connected")).await;
    bot.lets("gated");
    browser.sees(&known(&id, "step 3/3")).await;
    bot.lets("gated");
    browser.sees(&known(&id, &format!("Done · {short}"))).await;
    browser.reload().await;
    browser.sees(&format!("{}[@data-state='done']", known(&id, "the gates are behind us"))).await;
    assert_eq!(browser.count(BOT).await, 1);
    // A message that is there already tells its story as well as one that was just watched.
    browser.press(&format!("{}//button[@data-inspect]", known(&id, ""))).await;
    browser.sees(&step("surfaced", "done")).await;
}

#[tokio::test]
async fn m14_typing_stands_beside_a_silent_job_and_ends_with_its_message() {
    let Some((bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    // Notes what was shown, so that nothing hangs on when somebody looks.
    let script = "const at = document.getElementById('typing'); new MutationObserver(() => { \
                  document.body.dataset.typed = (document.body.dataset.typed ?? '') + `|${at.textContent}`; \
                  }).observe(at, { childList: true, characterData: true, subtree: true }); return true";
    assert_eq!(browser.asks(script).await, true);
    let (id, short) = run(&browser, "silent").await;
    browser.sees("//body[contains(@data-typed, 'wilco is thinking…')]").await;
    bot.lets("silent");
    browser.sees(&known(&id, &format!("Done · {short}"))).await;
    browser.sees("//*[@id='typing'][normalize-space(.)='']").await;
    // Another job: nobody is left with it when the bot is gone, either.
    run(&browser, "silent").await;
    browser.sees("//body[contains(@data-typed, 'thinking…||wilco is thinking…')]").await;
    drop(bot);
    browser.sees("//*[@id='typing'][normalize-space(.)='']").await;
}

#[tokio::test]
async fn two_windows_stay_in_step() {
    let Some((bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    let first = browser.window().await;
    let second = browser.open_window(&bot.url).await;
    browser.sees(&connection("open", "connected")).await;
    let (id, _) = run(&browser, "asks").await;

    browser.turn_to(&first).await;
    browser.sees(&format!("{}[@data-state='waiting_for_input']", known(&id, "Which colour?"))).await;
    browser.press(&button(&known(&id, ""), "Red")).await;
    browser.sees(&known(&id, "painted it Red")).await;
    assert_eq!(browser.count(BOT).await, 1);

    browser.turn_to(&second).await;
    browser.sees(&format!("{}[@data-state='done']", known(&id, "painted it Red"))).await;
    assert_eq!(browser.count(BOT).await, 1);

    // A window in another channel is told that something came.
    browser.press("//button[@data-channel='deploys']").await;
    browser.sees("//*[@id='channel-name'][.='deploys']").await;
    browser.turn_to(&first).await;
    say(&browser, "/run echo over here").await;
    browser.sees(&message("over here")).await;
    browser.turn_to(&second).await;
    browser.sees("//button[@data-channel='general']//*[@class='badge']").await;
    assert_eq!(browser.count(&message("over here")).await, 0, "each channel shows its own words");
    browser.press("//button[@data-channel='general']").await;
    browser.sees(&message("over here")).await;
    assert_eq!(browser.count("//button[@data-channel='general']//*[@class='badge']").await, 0);
}

#[tokio::test]
async fn a_viewer_reads_along_and_may_neither_run_nor_cancel() {
    let Some((bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    let (id, short) = run(&browser, "gated").await;
    browser.sees(&known(&id, "step 1/3")).await;

    become_person(&browser, "bo").await;
    browser.sees(&known(&id, "step 1/3")).await;
    say(&browser, "/run demo").await;
    browser.sees(&note("Not allowed: run needs role operator. You: viewer")).await;
    browser.press(&button(&known(&id, ""), "Cancel")).await;
    browser.sees(&note(&format!("Not allowed: {short} can be cancelled by who started it"))).await;
    say(&browser, &format!("/cancel {short} because I can")).await;
    browser.sees(&format!("({})[2]", note("Not allowed: "))).await;

    // None of it had an effect: the job goes on to its end.
    bot.lets("gated");
    bot.lets("gated");
    bot.lets("gated");
    browser.sees(&format!("{}[@data-state='done']", known(&id, "the gates are behind us"))).await;
    assert_eq!(browser.count(BOT).await, 1, "and no other was started");
    assert_eq!(browser.count(&message("asked by Bo")).await, 0);
}

#[tokio::test]
async fn private_answers_and_direct_messages_are_seen_by_their_person_alone() {
    let Some((_bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    say(&browser, "/whoami").await;
    browser.sees(&note("Ana · id ana on web · role owner")).await;
    browser.sees(&note("only Ana sees this")).await;
    browser.press("//button[@data-channel='direct']").await;
    browser.sees("//*[@id='channel-about'][contains(., 'Only Ana')]").await;
    say(&browser, "/run echo for my eyes").await;
    browser.sees(&format!("{BOT}[@data-state='done'][contains(., 'for my eyes')]")).await;

    become_person(&browser, "bo").await;
    browser.sees("//*[@id='channel-about'][contains(., 'Only Bo')]").await;
    browser.sees("//*[@id='empty'][not(@hidden)]").await;
    assert!(!browser.shown().await.contains("for my eyes"));
    browser.press("//button[@data-channel='general']").await;
    browser.sees(&message("/whoami")).await;
    say(&browser, "/whoami").await;
    browser.sees(&note("Bo · id bo on web · role viewer")).await;
    assert_eq!(browser.count("//li[@data-note-id]").await, 1, "Bo sees Bo's answer only");

    become_person(&browser, "ana").await;
    browser.sees(&note("Ana · id ana")).await;
    assert_eq!(browser.count("//li[@data-note-id]").await, 1, "and Ana hers");
}

#[tokio::test]
async fn x1_a_watched_job_is_shown_in_both_places_each_with_its_own_delivery() {
    let Some((bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    let (first, short) = run(&browser, "gated").await;
    browser.press("//button[@data-channel='deploys']").await;
    browser.sees("//*[@id='channel-name'][.='deploys']").await;
    say(&browser, &format!("/watch {short}")).await;
    let shown = browser.sees(&format!("{BOT}[@data-state='running'][contains(., '{short}')]")).await;
    let second = shown.attr("data-message-id").await.unwrap().unwrap();
    assert_ne!(first, second);
    browser.sees(&delivery("Shown in 2 places; this is deploys.")).await;
    for _ in 0..3 {
        bot.lets("gated");
    }
    browser.sees(&known(&second, "the gates are behind us")).await;
    browser.sees(&step("surfaced", "done")).await;
    browser.sees(&delivery(&second)).await;
    browser.press("//button[@data-channel='general']").await;
    browser.press(&format!("{}//button[@data-inspect]", known(&first, "the gates are behind us"))).await;
    browser.sees(&delivery("Shown in 2 places; this is #general.")).await;
    browser.sees(&delivery(&first)).await;
    assert_eq!(browser.count(BOT).await, 1);
}
