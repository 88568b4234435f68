//! Follow-ups on the page: set, listed, paused, run by hand and called off, with words and buttons alone.

use std::path::Path;

use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::json;
use wilco_tests::browser::{Browser, Screen};

use super::page::{BOT, composer, delivery, literal, note, say, signed_in};

/// The list that the nth `/followups` has answered.
fn list(nth: usize) -> String {
    format!("(//li[@data-note-id][.//ul[@class='rows']])[{nth}]")
}

/// Its entry with these words.
fn row(nth: usize, words: &str) -> String {
    format!("{}//ul[@class='rows']/li[contains(normalize-space(.), {})]", list(nth), literal(words))
}

/// The labels of an entry's buttons.
async fn labels(browser: &Browser, row: &str) -> Vec<String> {
    let entry = browser.sees(row).await;
    let mut labels = Vec::new();
    for button in entry.find_all(Locator::Css("button[data-press]")).await.unwrap() {
        labels.push(button.text().await.unwrap());
    }
    labels
}

async fn press(browser: &Browser, row: &str, label: &str) {
    browser.press(&format!("{row}//button[normalize-space(.)={}]", literal(label))).await;
}

/// Schedules something and waits for the private confirmation.
async fn set(browser: &Browser, line: &str, confirmed: &str) {
    say(browser, line).await;
    browser.sees(&note(confirmed)).await;
    // The note may come before the answer that empties the composer; what is typed meanwhile would be added.
    let emptied = "return document.getElementById('composer').value === ''";
    for _ in 0..10_000 {
        if browser.asks(emptied).await == true {
            return;
        }
    }
    panic!("the composer still holds {line}");
}

#[tokio::test]
async fn f16_follow_ups_are_set_listed_paused_run_and_called_off_on_the_page() {
    let Some((_bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    assert_eq!(browser.count("//*[@id='cell-followup'][@hidden]").await, 1, "nothing is ahead");
    set(&browser, "/followup every weekday 9:00 /run demo", "Every weekday 9:00 · next ").await;
    set(&browser, "/followup in 2h check the deploy", "UTC (in ").await;
    set(&browser, "/remind every fri 16:00 Europe/Berlin close the week", "16:00 Europe/Berlin (in ").await;
    browser.sees("//*[@id='cell-followup'][not(@hidden)][contains(., 'next follow-up')][contains(., 'in ')]").await;

    say(&browser, "/followups").await;
    browser.sees(&format!("{}[contains(., '3 follow-ups')]", list(1))).await;
    for words in ["/run demo", "check the deploy", "close the week"] {
        assert_eq!(labels(&browser, &row(1, words)).await, ["Cancel", "Run now", "Pause"], "{words}");
    }

    press(&browser, &row(1, "/run demo"), "Pause").await;
    browser.sees(&note("Paused · ")).await;
    say(&browser, "/followups").await;
    assert_eq!(labels(&browser, &row(2, "/run demo")).await, ["Cancel", "Run now", "Resume"]);
    browser.sees(&row(2, "paused by Ana")).await;

    // The one for 2 hours from now is said now, in the channel, and says that it was made to.
    press(&browser, &row(2, "check the deploy"), "Run now").await;
    browser.sees(&note("Runs now · ")).await;
    let reminder = format!("{BOT}[contains(normalize-space(.), 'check the deploy')]");
    browser.press(&format!("{reminder}//button[@data-inspect]")).await;
    browser.sees(&delivery("run by hand by Ana: /followup in 2h")).await;
    browser.sees(&delivery("follow-up ")).await;
    browser.press("//summary[starts-with(., 'Journal')]").await;
    let accepted = "//ol[@class='journal']/li[.//b[.='accepted']][contains(., 'scheduled ')]";
    browser.sees(accepted).await;
    assert_eq!(browser.count(&format!("{accepted}[contains(., '[object')]")).await, 0);
    assert_eq!(browser.count(&reminder).await, 1, "it was said once");

    press(&browser, &row(2, "/run demo"), "Resume").await;
    browser.sees(&note("Resumed · ")).await;
    browser.press("//summary[starts-with(., 'Journal')]").await;
    let next = "return fetch('/api/v1/health').then((answer) => answer.json()).then(({ health }) => \
                new Date(health.next_followup).toLocaleString())";
    let next = browser.asks(next).await;
    browser.sees(&format!("//*[@id='cell-followup'][@title={}]", literal(next.as_str().unwrap()))).await;
    say(&browser, "/followups").await;
    browser.sees(&format!("{}[contains(., '2 follow-ups')]", list(3))).await;
    browser.sees(&row(3, "every weekday 9:00 · /run demo · by Ana")).await;
    browser.sees(&row(3, "every fri 16:00 · close the week · by Ana")).await;
    write_picture(&browser).await;

    press(&browser, &row(3, "close the week"), "Cancel").await;
    browser.sees(&note("it does not fire any more")).await;
    say(&browser, "/stop here").await;
    browser.sees(&note("Stopped here · 1 follow-up called off: ")).await;
    browser.sees("//*[@id='cell-followup'][@hidden]").await;
    say(&browser, "/followups").await;
    browser.sees(&note("No follow-ups here.")).await;
}

/// The picture of the README, when it is asked for: what this test has made stands on the page.
async fn write_picture(browser: &Browser) {
    if std::env::var_os("WILCO_WRITE_DOCS").is_none() {
        return;
    }
    let picture = browser.picture().await;
    assert!(picture.len() < 300 << 10, "{} bytes", picture.len());
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/followups.png"), picture).unwrap();
}

#[tokio::test]
async fn f2_a_time_that_is_refused_says_what_would_work_and_sets_nothing() {
    let Some((_bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    say(&browser, "/followup in 5s stretch").await;
    browser.sees(&note("5s from now is too soon")).await;
    browser.sees(&note("for example")).await;
    say(&browser, "/followups").await;
    browser.sees(&note("No follow-ups here.")).await;
}

#[tokio::test]
async fn the_composer_completes_the_commands_of_follow_ups() {
    let Some((_bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    let offered =
        |label: &str| format!("//*[@id='suggestions'][not(@hidden)]/li[@aria-selected='true']/b[.={}]", literal(label));
    for (typed, label, taken) in [
        ("/followu", "/followup <when> <text>", "/followup "),
        ("/rem", "/followup <when> <text>", "/followup "),
        ("/sto", "/stop here", "/stop "),
        ("/stop ", "here", "/stop here"),
        ("/timezone europe/berl", "Europe/Berlin", "/timezone Europe/Berlin"),
        ("/timezone here tok", "Asia/Tokyo", "/timezone here Asia/Tokyo"),
        ("/followup ", "in 30m", "/followup in 30m "),
    ] {
        browser.press("//*[@id='composer']").await;
        browser.asks("const box = document.getElementById('composer'); box.value = ''; box.dispatchEvent(new Event('input'))").await;
        browser.keys(typed).await;
        browser.sees(&offered(label)).await;
        browser.key(Key::Tab).await;
        assert_eq!(composer(&browser).await, taken, "{typed}");
    }
}

#[tokio::test]
async fn a_chip_sets_a_reminder_and_a_phone_shows_the_list_without_sticking_out() {
    let Some((_bot, browser)) = signed_in(Screen::PHONE).await else { return };
    let overflow = "return document.documentElement.scrollWidth - innerWidth";
    browser.press("//button[.='Remind me in 1 minute']").await;
    browser.sees(&note("UTC (in ")).await;
    browser.sees("//*[@id='cell-followup'][not(@hidden)]").await;
    set(&browser, "/followup every weekday 9:00 /run demo", "Every weekday 9:00 · next ").await;
    say(&browser, "/followups").await;
    browser.sees(&row(1, "stretch your legs")).await;
    assert_eq!(labels(&browser, &row(1, "/run demo")).await, ["Cancel", "Run now", "Pause"]);
    assert_eq!(browser.asks(overflow).await, json!(0), "nothing sticks out sideways");
    let wide = "return [...document.querySelectorAll('.rows button')].filter((one) => one.getBoundingClientRect().right > innerWidth).length";
    assert_eq!(browser.asks(wide).await, json!(0));
}
