//! The words in which the tests speak of the page: where something is, as XPath, and what a person does there.

use fantoccini::key::Key;
use wilco_tests::browser::{Browser, Screen};

use super::bot::Bot;

/// A text as XPath writes it; it has no escapes, so a text with both quotes is put together.
pub(crate) fn literal(text: &str) -> String {
    if text.contains('"') { format!("concat('{}')", text.replace('\'', "',\"'\",'")) } else { format!("\"{text}\"") }
}

/// A message that holds these words.
pub(crate) fn message(words: &str) -> String {
    format!("//li[@data-message-id][contains(normalize-space(.), {})]", literal(words))
}

/// The message with this id, holding these words.
pub(crate) fn known(id: &str, words: &str) -> String {
    format!("//li[@data-message-id={}][contains(normalize-space(.), {})]", literal(id), literal(words))
}

/// The messages that carry a job's state: one for each job. Pings and files are beside them.
pub(crate) const BOT: &str = "//li[@data-worker][not(@data-kind='ping') and not(@data-kind='file')]";

/// A private answer that holds these words.
pub(crate) fn note(words: &str) -> String {
    format!("//li[@data-note-id][contains(normalize-space(.), {})]", literal(words))
}

/// A button of a message or note.
pub(crate) fn button(of: &str, label: &str) -> String {
    format!("{of}//button[@data-press][normalize-space(.)={}]", literal(label))
}

/// A step of the delivery timeline in a state (`done`, `now`, `later`, `failed`).
pub(crate) fn step(name: &str, state: &str) -> String {
    format!("//*[@id='timeline']//li[@data-step='{name}'][@data-state='{state}']")
}

/// Words in the right column.
pub(crate) fn delivery(words: &str) -> String {
    format!("//*[@id='timeline'][contains(normalize-space(.), {})]", literal(words))
}

/// How the page says it is connected: `open`, `lost`, `out`.
pub(crate) fn connection(state: &str, words: &str) -> String {
    format!("//*[@id='connection'][@data-state='{state}'][contains(., {})]", literal(words))
}

/// What is in the composer cannot be seen by XPath, so it is asked for.
pub(crate) async fn composer(browser: &Browser) -> String {
    browser.asks("return document.getElementById('composer').value").await.as_str().unwrap_or_default().to_owned()
}

/// Where the keyboard is.
pub(crate) async fn focus(browser: &Browser) -> String {
    let script = "const at = document.activeElement; return at.id || at.dataset.press || at.dataset.messageId || \
                  at.dataset.channel || at.tagName";
    browser.asks(script).await.as_str().unwrap_or_default().to_owned()
}

/// A bot and a browser that has opened its link; none without Chromium.
pub(crate) async fn signed_in(screen: Screen) -> Option<(Bot, Browser)> {
    let browser = Browser::open(screen).await?;
    let bot = tokio::task::spawn_blocking(Bot::start).await.unwrap();
    browser.visit(&bot.login).await;
    browser.sees(&connection("open", "connected")).await;
    Some((bot, browser))
}

/// Types a line into the composer and sends it with Enter.
pub(crate) async fn say(browser: &Browser, line: &str) {
    browser.press("//*[@id='composer']").await;
    browser.keys(line).await;
    browser.key(Key::Enter).await;
}

/// Starts a job and answers the id of its message and its short id.
pub(crate) async fn run(browser: &Browser, line: &str) -> (String, String) {
    let before = browser.count(BOT).await;
    say(browser, &format!("/run {line}")).await;
    let message = browser.sees(&format!("({BOT})[{}][@data-short]", before + 1)).await;
    let id = message.attr("data-message-id").await.unwrap().unwrap();
    (id, message.attr("data-short").await.unwrap().unwrap())
}

/// Speaks as somebody else from now on.
pub(crate) async fn become_person(browser: &Browser, id: &str) {
    let choice = browser.sees("//*[@id='speaking-as'][not(@disabled)]").await;
    choice.select_by_value(id).await.unwrap();
    // What that person may see has been asked for when the stream of the one before is closed.
    browser.sees(&format!("//body[@data-speaker='{id}']")).await;
}
