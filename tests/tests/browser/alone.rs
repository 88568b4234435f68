//! One person at one window: the first link, a job from its start to its end, a question, a cancel, a file.

use fantoccini::key::Key;
use wilco_tests::browser::{Browser, Screen};

use super::page::{
    BOT, become_person, button, composer, connection, delivery, focus, known, message, run, say, signed_in, step,
};

#[tokio::test]
async fn the_printed_link_signs_one_browser_in_and_works_once() {
    let Some((bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    browser.sees("//*[@id='empty'][not(@hidden)]//button[.='Run a 20-second job']").await;
    let address = browser.asks("return location.href").await;
    assert_eq!(address, format!("{}/#/general", bot.url), "the token does not stay in the address");
    // The same browser is signed in, so the used link is only a way to the page.
    browser.visit(&bot.login).await;
    browser.sees(&connection("open", "connected")).await;
    drop(browser);

    let Some(other) = Browser::open(Screen::DESKTOP).await else { return };
    other.visit(&bot.login).await;
    other.sees("//h1[contains(., 'signed in')]").await;
    assert_eq!(other.count("//*[@id='composer']").await, 0, "a used link opens nothing");
    other.visit(&format!("{}/api/v1/session", bot.url)).await;
    assert!(other.shown().await.contains("signed_out"), "{}", other.shown().await);
}

#[tokio::test]
async fn open_elsewhere_signs_a_second_browser_in() {
    let Some((_bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    browser.press("//*[@id='elsewhere']").await;
    browser.sees("//*[@id='elsewhere-about'][not(@hidden)]").await;
    let link = browser.asks("return document.getElementById('elsewhere-link').value").await;
    drop(browser);
    let Some(other) = Browser::open(Screen::DESKTOP).await else { return };
    other.visit(link.as_str().unwrap()).await;
    other.sees(&connection("open", "connected")).await;
}

#[tokio::test]
async fn the_empty_channel_offers_what_exists_and_what_the_person_may_do() {
    let Some((_bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    browser.sees("//*[@id='starters']/button[.='Ask me a question first']").await;
    become_person(&browser, "bo").await;
    browser.sees("//*[@id='starters']/button[.='/help']").await;
    assert_eq!(browser.count("//*[@id='starters']/button").await, 1, "a viewer starts nothing");
    // What a bot with other workers offers: nothing that starts something by the press alone.
    let offered = browser
        .asks(
            "return import('/assets/starters.js').then(({ starters }) => ['report', null].map((kind) => {
               const told = [];
               const chips = starters({
                 commands: [{ verb: 'run', needs: 'operator' }],
                 kinds: [...(kind ? [{ name: kind }] : []), { name: 'say' }],
                 role: 'owner',
                 send: (text) => told.push(`sends ${text}`),
                 compose: (text) => told.push(`writes ${text}`),
               });
               chips.forEach((chip) => chip.click());
               return [chips.map((chip) => chip.textContent), told];
             }))",
        )
        .await;
    let expected = serde_json::json!([
        [["/run report", "/help"], ["writes /run report ", "sends /help"]],
        [["/run say", "/help"], ["writes /run say ", "sends /help"]],
    ]);
    assert_eq!(offered, expected);
}

#[tokio::test]
async fn m1_a_job_is_one_message_edited_in_place_and_its_delivery_can_be_followed() {
    let Some((bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    browser.press("//*[@id='composer']").await;
    browser.keys("/ru").await;
    browser.sees("//*[@id='suggestions'][not(@hidden)]/li[@aria-selected='true']/b[.='/run <worker> [text]']").await;
    browser.key(Key::Tab).await;
    browser.keys("ga").await;
    browser.sees("//*[@id='suggestions']/li[@aria-selected='true']/b[.='gated']").await;
    browser.key(Key::Enter).await;
    assert_eq!(composer(&browser).await, "/run gated ");
    browser.key(Key::Enter).await;

    let shown = browser.sees(&format!("{BOT}[@data-short]")).await;
    let id = shown.attr("data-message-id").await.unwrap().unwrap();
    let short = shown.attr("data-short").await.unwrap().unwrap();
    assert_eq!(composer(&browser).await, "", "what was sent leaves the composer");
    browser.sees(&format!("{}[@aria-current]", known(&id, &short))).await;
    browser.sees(&step("acknowledged", "done")).await;
    browser.sees(&step("running", "now")).await;
    browser.sees(&step("surfaced", "later")).await;

    browser.sees(&known(&id, "step 1/3")).await;
    browser.sees(&known(&id, "first things")).await;
    bot.lets("gated");
    browser.sees(&known(&id, "step 2/3")).await;
    bot.lets("gated");
    browser.sees(&known(&id, "step 3/3")).await;
    assert_eq!(browser.count(&format!("{}//button[@data-press]", known(&id, "Working"))).await, 1, "Cancel alone");
    bot.lets("gated");
    browser.sees(&format!("{}[@data-state='done']", known(&id, &format!("Done · {short}")))).await;
    browser.sees(&known(&id, "the gates are behind us")).await;
    assert_eq!(browser.count(BOT).await, 1, "everything happened in one message");
    assert_eq!(browser.count(&message("/run gated")).await, 1, "and what the person said stands once");

    for name in ["received", "stored", "acknowledged", "running", "result", "sent", "surfaced"] {
        browser.sees(&step(name, "done")).await;
    }
    browser.sees(&delivery("content · attempt 1: surfaced")).await;
    for kind in ["stub", "content"] {
        let receipt = "//*[@class='receipt'][@data-state='surfaced'][contains(., '1 attempt')]";
        browser.sees(&format!("{receipt}[.//b[.='{kind}']]")).await;
    }
    browser.press("//summary[starts-with(., 'Journal')]").await;
    for event in ["accepted", "started", "status", "receipt attempt", "receipt settled", "completed"] {
        browser.sees(&format!("//ol[@class='journal']/li[.//b[.='{event}']]")).await;
    }
    browser.sees("//*[@id='figure-running'][.='0']").await;
}

#[tokio::test]
async fn c1_a_chip_starts_the_demo_and_its_button_stops_it() {
    let Some((_bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    browser.press("//button[.='Run a 20-second job']").await;
    browser.sees(&message("/run demo")).await;
    let shown = browser.sees(&format!("{BOT}[@data-state='running']")).await;
    let id = shown.attr("data-message-id").await.unwrap().unwrap();
    browser.sees(&known(&id, "step 2/5")).await;
    browser.press(&button(&known(&id, ""), "Cancel")).await;
    browser.sees(&format!("{}[@data-state='cancelled']", known(&id, "Cancelled · "))).await;
    browser.sees(&known(&id, "asked by Ana")).await;
    assert_eq!(browser.count(BOT).await, 1);
    browser.sees(&delivery("cancel asked by Ana: no reason given")).await;
    browser.sees(&step("surfaced", "done")).await;
    browser.sees(&button(&known(&id, "Cancelled"), "Run again")).await;
}

#[tokio::test]
async fn c4_a_cancel_by_command_shows_its_reason_in_the_message() {
    let Some((_bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    let (id, short) = run(&browser, "gated").await;
    browser.sees(&known(&id, "step 1/3")).await;
    browser.press("//*[@id='composer']").await;
    browser.keys("/cancel ").await;
    browser.sees(&format!("//*[@id='suggestions']/li/b[.='{short}']")).await;
    browser.key(Key::Tab).await;
    browser.keys("wrong branch").await;
    browser.key(Key::Enter).await;
    browser.sees(&format!("{}[@data-state='cancelled']", known(&id, "wrong branch"))).await;
    browser.sees(&delivery("cancel asked by Ana: wrong branch")).await;
    assert_eq!(browser.count(BOT).await, 1);
}

#[tokio::test]
async fn a_question_is_answered_by_its_button_in_the_same_message() {
    let Some((_bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    let (id, short) = run(&browser, "asks").await;
    browser.sees(&format!("{}[@data-state='waiting_for_input']", known(&id, "Which colour?"))).await;
    browser.sees(&message("question: asks")).await;
    browser.sees(&delivery("Waiting for an answer")).await;
    browser.press(&button(&known(&id, ""), "Green")).await;
    browser.sees(&known(&id, &format!("Done · {short}"))).await;
    browser.sees(&known(&id, "painted it Green")).await;
    browser.sees(&delivery("answered by Ana: Green")).await;
    assert_eq!(browser.count(BOT).await, 1);
    assert_eq!(browser.count(&button(&known(&id, ""), "Red")).await, 0, "an answered question has no more buttons");
}

#[tokio::test]
async fn r17_a_file_is_offered_for_download_with_the_bytes_that_the_job_wrote() {
    let Some((_bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    let (id, _) = run(&browser, "leaves").await;
    browser.sees(&known(&id, "wrote them down")).await;
    let link = browser.sees("//ol[@id='messages']//a[@class='file'][@download='numbers.txt']").await;
    browser.sees("//*[@id='timeline']//a[@class='file'][@download='numbers.txt']").await;
    browser.sees(&step("surfaced", "done")).await;
    let address = link.prop("href").await.unwrap().unwrap();
    let script = format!(
        "const answer = await fetch({address:?}); return [answer.headers.get('content-disposition'), await answer.text()]"
    );
    let found = browser.asks(&format!("return (async () => {{ {script} }})()")).await;
    assert_eq!(found[0], "attachment; filename=\"numbers.txt\"; filename*=UTF-8''numbers.txt");
    assert_eq!(found[1], "three, four, five\n");
}

#[tokio::test]
async fn the_keyboard_alone_runs_reads_and_cancels() {
    let Some((_bot, browser)) = signed_in(Screen::DESKTOP).await else { return };
    assert_eq!(focus(&browser).await, "composer", "one can type at once");
    browser.keys("/run gated").await;
    browser.key(Key::Escape).await;
    browser.key(Key::Enter).await;
    let shown = browser.sees(&format!("{BOT}[@data-state='running']")).await;
    let id = shown.attr("data-message-id").await.unwrap().unwrap();
    browser.sees(&known(&id, "step 1/3")).await;

    // Up leaves the empty composer for the newest message, and once more for the one before it.
    browser.key(Key::Up).await;
    assert_eq!(focus(&browser).await, id);
    browser.key(Key::Up).await;
    assert_ne!(focus(&browser).await, id);
    browser.key(Key::Down).await;
    assert_eq!(focus(&browser).await, id);
    browser.key(Key::Enter).await;
    browser.sees(&format!("{}[@aria-current]", known(&id, ""))).await;
    // Tab goes through what is in it, and an edit meanwhile does not throw the keyboard out.
    let cancel = format!("return document.querySelector('[data-message-id={id:?}] [data-press]').dataset.press");
    let cancel = browser.asks(&cancel).await.as_str().unwrap().to_owned();
    for _ in 0..6 {
        if focus(&browser).await == cancel {
            break;
        }
        browser.key(Key::Tab).await;
    }
    assert_eq!(focus(&browser).await, cancel, "Cancel is reached from its message");
    browser.key(Key::Enter).await;
    browser.sees(&format!("{}[@data-state='cancelled']", known(&id, "Cancelled · "))).await;
    assert_eq!(focus(&browser).await, id, "the button is gone, its message keeps the keyboard");
    browser.key(Key::Escape).await;
    assert_eq!(focus(&browser).await, "composer");
    browser.keys("/").await;
    browser.sees("//*[@id='suggestions'][not(@hidden)]/li[1][@aria-selected='true']").await;
    browser.key(Key::Down).await;
    browser.sees("//*[@id='suggestions']/li[2][@aria-selected='true']").await;
    browser.key(Key::Escape).await;
    browser.sees("//*[@id='suggestions'][@hidden]").await;
}

#[tokio::test]
async fn a_phone_has_one_column_at_a_time_and_tabs_between_them() {
    let Some((_bot, browser)) = signed_in(Screen::PHONE).await else { return };
    let columns = "return ['channels', 'chat', 'delivery'].filter((name) => \
                   document.getElementById(name + '-pane').getBoundingClientRect().width > 0).join()";
    let overflow = "return document.documentElement.scrollWidth - innerWidth";
    assert_eq!(browser.asks(columns).await, "chat");
    assert_eq!(browser.asks(overflow).await, 0, "nothing sticks out sideways");

    browser.press("//button[.='Ask me a question first']").await;
    browser.sees(&format!("{BOT}[@data-state='waiting_for_input']")).await;
    assert_eq!(browser.asks(columns).await, "chat", "starting a job does not take the conversation away");
    assert_eq!(browser.asks(overflow).await, 0);
    browser.press("//*[@id='tabs']/button[.='Delivery']").await;
    assert_eq!(browser.asks(columns).await, "delivery");
    browser.sees(&step("acknowledged", "done")).await;
    assert_eq!(browser.asks(overflow).await, 0);
    browser.press("//*[@id='cancel-job']").await;
    browser.sees(&step("surfaced", "done")).await;

    browser.press("//*[@id='tabs']/button[starts-with(., 'Channels')]").await;
    assert_eq!(browser.asks(columns).await, "channels");
    browser.press("//button[@data-channel='deploys']").await;
    assert_eq!(browser.asks(columns).await, "chat", "choosing a channel shows it");
    browser.sees("//*[@id='channel-name'][.='deploys']").await;
    say(&browser, "/run echo from a phone").await;
    let done = browser.sees(&format!("{BOT}[@data-state='done'][contains(., 'from a phone')]")).await;
    done.find(fantoccini::Locator::Css("[data-inspect]")).await.unwrap().click().await.unwrap();
    assert_eq!(browser.asks(columns).await, "delivery", "its delivery is one tap away");
}
