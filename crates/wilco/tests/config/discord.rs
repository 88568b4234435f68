//! The section `[discord]` and where its token comes from.

use super::*;

/// What is known of the token, without printing it.
fn token(config: &Config) -> Option<&str> {
    config.discord.as_ref().map(|discord| discord.token.expose())
}

#[test]
fn a_token_alone_connects_discord_and_without_one_nothing_does() {
    assert_eq!(Desk::empty().load().unwrap().discord, None);
    let config = Desk::empty().env("DISCORD_BOT_TOKEN", "a.b.c").load().unwrap();
    let discord = config.discord.clone().unwrap();
    assert_eq!((discord.token.expose(), discord.application, discord.guild), ("a.b.c", None, None));
    assert_eq!((discord.message_content, discord.api.as_str()), (false, "https://discord.com/api/v10"));
    assert!(discord.register_commands, "a menu is there without a further step");
    let kept = Desk::with("[discord]\nregister_commands = false\n").env("DISCORD_BOT_TOKEN", "a.b.c").load().unwrap();
    assert!(!kept.discord.unwrap().register_commands);
    assert_eq!(shown(&config, "discord.token"), ("\"[secret]\"", "environment DISCORD_BOT_TOKEN".to_owned()));
    assert!(!format!("{config:?}").contains("a.b.c"), "a token is in no debug output");
    let off = Desk::with("[discord]\nenabled = false\n").env("DISCORD_BOT_TOKEN", "a.b.c").load().unwrap();
    assert_eq!(off.discord, None, "another program's variable is no obstacle");
    assert_eq!(Desk::empty().env("DISCORD_BOT_TOKEN", "").load().unwrap().discord, None, "an empty variable is none");
}

#[test]
fn the_section_says_where_the_token_is_and_what_else_holds() {
    let text = "[discord]\ntoken = '${OTHER}'\napplication_id = '5'\nguild = '7'\nmessage_content = true\n\
                api = 'http://127.0.0.1:80/api/'\n";
    let config = Desk::with(text).env("OTHER", "mine").env("DISCORD_BOT_TOKEN", "not mine").load().unwrap();
    let discord = config.discord.clone().unwrap();
    assert_eq!((discord.token.expose(), discord.application, discord.guild), ("mine", Some(5), Some(7)));
    assert_eq!((discord.message_content, discord.api.as_str()), (true, "http://127.0.0.1:80/api"));
    assert_eq!(shown(&config, "discord.token").0, "\"${OTHER}\"");
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    // The section needs no key when the variable has its usual name.
    let config = Desk::with("[discord]\n").env("DISCORD_BOT_TOKEN", "usual").load().unwrap();
    assert_eq!(token(&config), Some("usual"));
    let config = Desk::with(text).env("OTHER", "mine").env("WILCO_DISCORD__TOKEN", "last").load().unwrap();
    assert_eq!(token(&config), Some("last"));
    let (live, start) = changes(&Desk::empty().load().unwrap(), &config);
    assert!(live.is_empty() && start.contains(&"discord.token".to_owned()), "{live:?} {start:?}");
}

#[test]
fn a_token_in_the_file_itself_is_warned_about_and_shown_nowhere() {
    for token in ["plain-word-that-looks-like-nothing", "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"] {
        let config = load(&format!("[discord]\ntoken = '{token}'\n"));
        let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("bot.toml:2:9: discord.token: this looks like a secret"), "{warnings:?}");
        assert_eq!(shown(&config, "discord.token").0, "\"[secret]\"");
        assert!(!format!("{config:?} {warnings:?}").contains(token));
    }
    let mixed = Desk::with("[discord]\ntoken = 'half-${REST}'\n").env("REST", "x").load().unwrap();
    assert_eq!(shown(&mixed, "discord.token").0, "\"[secret]\"");
    let open = load("[discord]\ntoken = '${X}'\napi = 'http://proxy/api'\n".replace("${X}", "x").as_str());
    assert!(open.warnings.iter().any(|warning| warning.key == "discord.api"), "{:?}", open.warnings);
}

#[test]
fn a_file_with_the_token_has_to_be_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::with("[discord]\ntoken_file = 'secret'\n").env("DISCORD_BOT_TOKEN", "not this one");
    desk.write("secret", "  from.the.file\n");
    let mode = |mode: u32| {
        let path = desk.folder.path().join("secret");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    for open in [0o640, 0o604, 0o644, 0o666] {
        mode(open);
        let problems = desk.problems();
        assert!(
            problems[0].contains(&format!("may read it (mode {open:03o}); close it with chmod 600")),
            "{problems:?}"
        );
        assert!(!problems[0].contains("from.the.file"));
    }
    mode(0o600);
    let config = desk.load().unwrap();
    assert_eq!((token(&config), config.warnings.len()), (Some("from.the.file"), 0));
    for bad in ["", " \n", "two words", &"x".repeat(5_000)] {
        desk.write("secret", bad);
        mode(0o600);
        assert_eq!(desk.problems().len(), 1, "{bad:?}");
    }
    let both = Desk::with("[discord]\ntoken = '${T}'\ntoken_file = 'secret'\n").env("T", "this").load().unwrap();
    assert_eq!((token(&both), both.warnings.len()), (Some("this"), 1));
}
