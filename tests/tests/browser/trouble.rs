//! What goes wrong: words that are none, hostile output, a failing job, a bot that is killed.

use fantoccini::key::Key;
use wilco_tests::browser::Screen;

use super::page::{
    BOT, button, composer, connection, delivery, known, literal, message, note, run, say, signed_in, step,
};

#[tokio::test]
async fn hostile_words_and_output_stay_text() {
    let Some((bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    let image = "<img src=x onerror=\"document.title='owned'\">";
    say(&browser, &format!("/run echo {image} [go](javascript:alert(1)) <b id=injected>")).await;
    let echoed = format!("{BOT}[@data-state='done'][contains(., {})]", literal(image));
    browser.sees(&echoed).await;
    browser.sees(&format!("{BOT}[contains(., '[go](javascript:alert(1))')]")).await;

    let (id, _) = run(&browser, "hostile").await;
    browser.sees(&known(&id, "<img src=x onerror=document.title=1>")).await;
    browser.sees(&known(&id, "</pre></li><script>document.title=2</script>")).await;
    browser.sees(&delivery("<svg onload=document.title=4>")).await;
    bot.lets("hostile");
    browser.sees(&format!("{}[@data-state='done']", known(&id, "<b id=injected>bold</b>"))).await;
    browser.press("//summary[starts-with(., 'Journal')]").await;

    let alien = "//*[@id='panes']//*[self::script or self::svg[@onload] or @onerror or @id='injected' \
                 or self::img[not(starts-with(@src, '/assets/'))] or self::a[starts-with(@href, 'javascript:')]]";
    assert_eq!(browser.count(alien).await, 0, "nothing of it became an element");
    assert_eq!(browser.asks("return document.title").await, "#general · wilco", "nothing of it ran");
}

#[tokio::test]
async fn a_line_that_is_not_understood_stays_in_the_composer_and_starts_nothing() {
    let Some((_bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    say(&browser, "/rnu demo").await;
    browser.sees(&note("There is no command rnu. Did you mean /run?")).await;
    assert_eq!(composer(&browser).await, "/rnu demo", "to be mended");
    browser.asks("document.getElementById('composer').value = ''").await;
    say(&browser, "/run dmeo").await;
    browser.sees(&note("There is no worker dmeo, nothing was started. Did you mean demo?")).await;
    say(&browser, "/run demo explode").await;
    browser.sees(&note("Not started · demo: demo knows ask, fail, long and file")).await;
    say(&browser, "how are you?").await;
    browser.sees(&note("Nothing was started: this bot runs jobs and does not chat.")).await;
    assert_eq!(browser.count(BOT).await, 0);
    browser.sees("//*[@id='figure-running'][.='0']").await;
}

#[tokio::test]
async fn w18_a_failure_shows_its_last_words_and_can_be_run_again() {
    let Some((_bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    let (id, short) = run(&browser, "fails").await;
    browser.sees(&format!("{}[@data-state='failed']", known(&id, &format!("Failed · {short} · exit 2")))).await;
    browser.sees(&known(&id, "the disk is on fire")).await;
    browser.sees(&delivery("failed · exit 2")).await;
    browser.press(&button(&known(&id, ""), "Run again")).await;
    browser.sees(&format!("({BOT}[@data-state='failed'][contains(., 'the disk is on fire')])[2]")).await;
    browser.press(&button(&known(&id, ""), "Details")).await;
    browser.sees(&note(&format!("failed · fails · {short}"))).await;
}

#[tokio::test]
async fn u4_a_bot_that_is_killed_comes_back_and_says_that_the_job_was_interrupted() {
    let Some((mut bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    let (id, short) = run(&browser, "gated").await;
    browser.sees(&known(&id, "step 1/3")).await;
    bot.is_killed();
    browser.sees(&connection("lost", "reconnecting…")).await;
    // Nobody is there to hear it: the page says so, and keeps the words.
    say(&browser, "/run echo are you there").await;
    browser.sees("//*[@id='refusal'][not(@hidden)][contains(., 'The bot does not answer')]").await;
    assert_eq!(composer(&browser).await, "/run echo are you there");
    browser.sees(&known(&id, "step 1/3")).await;

    bot.starts_again();
    browser.sees(&connection("open", "connected")).await;
    browser.sees("//*[@id='refusal'][@hidden]").await;
    let interrupted = format!("Interrupted · {short} · bot restarted at ");
    browser.sees(&format!("{}[@data-state='interrupted']", known(&id, &interrupted))).await;
    browser.sees(&button(&known(&id, ""), "Run again")).await;
    assert_eq!(browser.count(BOT).await, 1, "said once, where the job was all the time");
    browser.sees(&delivery("its process was gone")).await;
    browser.sees(&step("surfaced", "done")).await;

    // The very same words go through now, once, and the browser is still signed in.
    browser.press("//*[@id='composer']").await;
    browser.key(Key::Enter).await;
    browser.sees(&format!("{BOT}[@data-state='done'][contains(., 'are you there')]")).await;
    assert_eq!(browser.count(&message("/run echo are you there")).await, 1);
    browser.reload().await;
    browser.sees(&known(&id, &interrupted)).await;
    assert_eq!(browser.count(BOT).await, 2);
}

#[tokio::test]
async fn r15_after_a_kill_a_job_that_runs_again_shows_its_result_once_in_its_own_message() {
    let Some((mut bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    let (id, short) = run(&browser, "again").await;
    bot.lets("gated");
    browser.sees(&known(&id, "step 2/3")).await;
    bot.is_killed();
    browser.sees(&connection("lost", "reconnecting…")).await;
    bot.starts_again();
    browser.sees(&connection("open", "connected")).await;
    browser.sees(&delivery("started again after a crash (1)")).await;
    bot.lets("gated");
    bot.lets("gated");
    bot.lets("gated");
    browser.sees(&format!("{}[@data-state='done']", known(&id, &format!("Done · {short}")))).await;
    browser.sees(&known(&id, "the gates are behind us")).await;
    browser.reload().await;
    browser.sees(&known(&id, "the gates are behind us")).await;
    assert_eq!(browser.count(BOT).await, 1);
}
