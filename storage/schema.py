"""The schema as ordered steps; a step that has shipped is never edited, the next one follows it.

The statements are the part of SQL that SQLite and PostgreSQL share. Times are `db.stamp` text,
ids are text made by us, JSON is text.
"""

from collections.abc import Iterator

from sqlite_utils import Database, Migrations

migrations = Migrations("salesbot")


def statements(script: str) -> Iterator[str]:
    return (part.strip() for part in script.split(";") if part.strip())


def step(name: str, script: str) -> None:
    @migrations(name=name)
    def apply(db: Database) -> None:
        for statement in statements(script):
            db.execute(statement)


step(
    "0001 messages in and out",
    """
    create table inbox (
        id text primary key, seq bigint not null, channel text not null, lane text not null,
        body text not null, received_at text not null, state text not null,
        attempts bigint not null, error text, reply text, done_at text);
    create index inbox_seq on inbox (seq);
    create index inbox_state on inbox (state, seq);

    create table outbox (
        id text primary key, seq bigint not null, cause text not null, kind text not null,
        target text not null, body text not null, state text not null, due_at text not null,
        attempts bigint not null, error text, request text, created_at text not null,
        sent_at text, digest text not null);
    create index outbox_due on outbox (due_at) where state = 'waiting';
    create index outbox_lane on outbox (target, due_at) where state = 'waiting';
    create index outbox_seq on outbox (seq);
    create index outbox_sent on outbox (target, sent_at);
    create index outbox_same on outbox (digest, seq);

    create table touches (
        id text primary key, person text not null, channel text not null, kind text not null,
        at text not null, by_whom text not null, refused text);
    create index touches_person on touches (person, at);

    create table timers (name text primary key, due_at text not null, ran_at text);
    create index timers_due on timers (due_at);

    create table rule_hits (rule text primary key, hits bigint not null, last_at text not null);
    """,
)

step(
    "0002 customers",
    """
    create table customers (
        id text primary key, name text not null, title text not null, store text not null,
        owner text not null, source text not null, stage text not null, model text not null,
        phone text not null, tier text not null, track text not null, tier_reason text not null,
        level text not null, level_reason text not null, level_at text,
        pinned_until text, added_at text not null, spoke_at text, contacted_at text,
        opted_out_at text, archive_refused_at text, deleted_at text);
    create index customers_owner on customers (owner, level);
    create index customers_store on customers (store, tier);
    create index customers_name on customers (name);

    create table tags (
        customer text not null, kind text not null, code text not null, polarity bigint not null,
        value text not null, evidence text not null, confidence double precision not null,
        source text not null, state text not null, mentions bigint not null,
        first_at text not null, last_at text not null, expires_at text,
        primary key (customer, kind, code));
    create index tags_code on tags (kind, code, last_at);

    create table events (
        id text primary key, customer text not null, kind text not null, at text not null,
        source text not null, evidence text not null, by_whom text not null, undone_at text);
    create index events_customer on events (customer, at);
    create index events_kind on events (kind, at);

    create table messages (
        id text primary key, customer text not null, who text not null, member text not null,
        text text not null, at text not null, source text not null);
    create index messages_customer on messages (customer, at);

    create table followups (
        id text primary key, customer text not null, advisor text not null, kind text not null,
        due_at text not null, reason text not null, say text not null, state text not null,
        origin_at text not null, reminded_at text, overdue bigint not null,
        created_at text not null, closed_at text, outcome text);
    create index followups_due on followups (due_at) where state = 'open';
    create index followups_customer on followups (customer, state);
    create index followups_advisor on followups (advisor, state, due_at);

    create table dialogs (
        id text primary key, seq bigint not null, member text not null, kind text not null,
        state text not null, body text not null, at text not null);
    create index dialogs_member on dialogs (member, seq);
    create index dialogs_seq on dialogs (seq);
    """,
)

step(
    "0003 scripts",
    """
    create table scripts (
        id text primary key, body text not null, status text not null, version bigint not null,
        updated_at text not null);
    create table script_uses (
        id text primary key, script text not null, advisor text not null, customer text not null,
        question text not null, outcome text not null, at text not null);
    create index script_uses_script on script_uses (script, at);
    create index script_uses_customer on script_uses (customer, at);
    create index script_uses_at on script_uses (at);
    create table gaps (
        id text primary key, question text not null, advisor text not null, at text not null,
        reason text not null);
    create index gaps_at on gaps (at);
    """,
)

step(
    "0004 group life",
    """
    create table groups (
        chat_id text primary key, name text not null, kind text not null, owner text not null,
        store text not null, created_at text not null);
    create table group_members (
        chat_id text not null, member text not null, name text not null, joined_at text not null,
        left_at text, primary key (chat_id, member));
    create table checkins (
        chat_id text not null, member text not null, day text not null, at text not null,
        words text not null, primary key (chat_id, member, day));
    create index checkins_member on checkins (member, day);
    create table points (
        id text primary key, chat_id text not null, member text not null, delta bigint not null,
        reason text not null, at text not null);
    create index points_member on points (chat_id, member);
    create table games (
        id text primary key, chat_id text not null, game text not null, state text not null,
        body text not null, started_by text not null, started_at text not null,
        ends_at text not null);
    create index games_open on games (chat_id) where state = 'open';
    create index games_ends on games (ends_at) where state = 'open';
    """,
)

step(
    "0005 digests",
    """
    create table digests (
        id text primary key, reader text not null, edition text not null, day text not null,
        body text not null, at text not null);
    create index digests_reader on digests (reader, at);
    """,
)

step(
    "0006 the life of scripts",
    """
    create table script_versions (
        script text not null, version bigint not null, body text not null, status text not null,
        at text not null, by_whom text not null, why text not null,
        primary key (script, version));
    insert into script_versions (script, version, body, status, at, by_whom, why)
        select id, version, body, status, updated_at, '', '' from scripts;
    create table script_imports (
        id text primary key, source text not null, by_whom text not null, at text not null,
        body text not null, undone_at text);
    create index script_imports_at on script_imports (at);
    create table script_nexts (
        use_id text primary key, script text not null, next text not null, at text not null);
    create index script_nexts_script on script_nexts (script, at);
    alter table gaps add column customer text not null default '';
    alter table gaps add column script text not null default '';
    """,
)

step(
    "0007 where tags come from",
    """
    alter table tags add column rule text not null default '';
    alter table tags add column message text not null default '';
    create table bursts (
        customer text primary key, source text not null, member text not null,
        first_at text not null, last_at text not null, body text not null);
    create table corrections (
        id text primary key, seq bigint not null, customer text not null, member text not null,
        at text not null, text text not null, kind text not null, code text not null,
        polarity bigint not null, evidence text not null, rule text not null,
        right_code text not null, right_polarity bigint not null, was text not null,
        state text not null, settled_at text);
    create index corrections_state on corrections (state, seq);
    create index corrections_seq on corrections (seq);
    create index messages_at on messages (who, at);
    """,
)

step(
    "0008 scripts in use",
    """
    alter table script_uses add column replied_at text;
    alter table script_uses add column edited text not null default '';
    create table favourites (
        member text not null, script text not null, at text not null,
        primary key (member, script));
    create table trials (
        id text primary key, a text not null, b text not null, tier text not null,
        stage text not null, arm bigint not null, started_at text not null, by_whom text not null,
        state text not null, ended_at text, result text not null);
    create table learnt (name text primary key, at text not null, body text not null);
    create table materials (
        id text primary key, kind text not null, title text not null, place text not null,
        words text not null, models text not null, concerns text not null, consent text not null,
        valid_to text, state text not null, at text not null, by_whom text not null,
        media_id text not null default '', media_at text);
    """,
)

step(
    "0009 微信客服",
    """
    create table kf_accounts (
        open_kfid text primary key, cursor text not null, pulled_at text not null);
    create table kf_sessions (
        customer text not null, open_kfid text not null, state text not null,
        servicer text not null, said_at text, budget bigint not null, asked text not null,
        primary key (customer, open_kfid));
    alter table outbox add column tried_at text;
    """,
)

step(
    "0010 contacts kept in step",
    """
    create table relations (
        customer text not null, advisor text not null, remark text not null,
        nickname text not null, state text not null, add_way bigint not null,
        since text not null, met_at text, ended_at text, ended_by text not null,
        run text not null, marked_at text, primary key (customer, advisor));
    create index relations_advisor on relations (advisor, ended_at);
    create table relation_tags (
        customer text not null, advisor text not null, tag text not null,
        primary key (customer, advisor, tag));
    create table corp_tags (
        id text primary key, name text not null, family text not null, family_name text not null);
    create index corp_tags_family on corp_tags (family);
    create table tag_queue (customer text primary key, due_at text not null);
    create index tag_queue_due on tag_queue (due_at);
    create index tags_last on tags (last_at);
    create index events_at on events (at);

    alter table groups add column notice text not null default '';
    alter table groups add column version text not null default '';
    alter table groups add column outdated text not null default '';
    alter table groups add column reread_at text;
    alter table groups add column rereads bigint not null default 0;
    alter table groups add column dismissed_at text;
    create index groups_reread on groups (reread_at) where reread_at is not null;
    alter table group_members add column staff bigint not null default 0;
    alter table group_members add column invitor text not null default '';
    create index group_members_member on group_members (member);

    create table reconciles (
        id text primary key, origin text not null, state text not null, step text not null,
        spot text not null, number bigint not null, tries bigint not null, counts text not null,
        error text not null, started_at text not null, moved_at text not null, ended_at text);
    create index reconciles_started on reconciles (started_at);
    create table reconcile_todo (
        run text not null, kind text not null, id text not null,
        primary key (run, kind, id));
    """,
)

step(
    "0011 the sidebar's sessions",
    """
    create table cookie_keys (id text primary key, key text not null, at text not null);
    create table taps (id text primary key, answer text not null, at text not null);
    create index taps_at on taps (at);
    """,
)

step(
    "0012 the chat archive",
    """
    create table archive_place (
        name text primary key, seq bigint not null, pulled_at text not null);
    create table archive_sealed (
        msgid text primary key, seq bigint not null, version bigint not null,
        random_key text not null, body text not null, why text not null, at text not null);
    create index archive_sealed_version on archive_sealed (version, seq);
    create table archive_consents (
        customer text not null, with_whom text not null, agreed bigint not null, at text not null,
        primary key (customer, with_whom));
    create table archive_recalls (id text primary key, at text not null);
    create index archive_recalls_at on archive_recalls (at);
    create index tags_message on tags (customer, message);
    """,
)

step(
    "0013 what goes out",
    """
    create table tokens (
        id text primary key, value text not null, good_until text not null,
        fetching_until text);
    create table mass_tasks (
        id text primary key, msgid text not null, sender text not null, text text not null,
        people bigint not null, state text not null, next_at text not null,
        polls bigint not null, created_at text not null);
    create index mass_tasks_next on mass_tasks (next_at) where state = 'open';
    create table mass_results (
        task text not null, person text not null, state text not null, at text,
        primary key (task, person));
    create table surfaces (name text primary key, silent_since text not null);
    create index outbox_out on outbox (sent_at) where sent_at is not null;
    create index inbox_channel on inbox (channel, received_at);
    alter table outbox add column msgid text not null default '';
    """,
)

step(
    "0014 connecting, and what was said back",
    """
    create table links (id text primary key, made_at text not null, used_at text);
    create table surface_checks (name text primary key, at text not null);
    create table ratings (
        id text primary key, answer text not null, member text not null, verdict bigint not null,
        reasons text not null, words text not null, at text not null);
    create index ratings_at on ratings (at);
    create index ratings_answer on ratings (answer);
    create table mass_reminders (id text primary key, task text not null, at text not null);
    create index mass_reminders_task on mass_reminders (task, at);
    create index mass_tasks_sender on mass_tasks (sender, state);
    create index checkins_day on checkins (day, chat_id);
    alter table mass_tasks add column chats text not null default '';
    alter table outbox add column response_code text not null default '';
    """,
)

step(
    "0015 an advisor's day",
    """
    alter table followups add column rule text not null default '';
    alter table followups add column copied_at text;
    alter table followups add column risk_at text;
    create index followups_origin on followups (origin_at) where state = 'open';
    create index followups_reminded on followups (advisor, reminded_at)
        where reminded_at is not null;
    create index group_members_joined on group_members (joined_at);
    create table leaves (
        id text primary key, advisor text not null, first_day text not null,
        last_day text not null, deputy text not null, created_at text not null, ended_at text);
    create index leaves_last on leaves (last_day) where ended_at is null;
    create table rhythms (
        customer text primary key, bands text not null, touches bigint not null,
        replies bigint not null, unanswered bigint not null, touched_at text);
    """,
)

step(
    "0016 the journey",
    """
    create table appointments (
        id text primary key, customer text not null, advisor text not null, inviter text not null,
        kind text not null, at text not null, model text not null, state text not null,
        reason text not null, made_at text not null, by_whom text not null, event text not null,
        step text not null, knock_at text);
    create index appointments_customer on appointments (customer, at);
    create index appointments_advisor on appointments (advisor, at);
    create index appointments_knock on appointments (knock_at) where knock_at is not null;
    create table leads (
        id text primary key, customer text not null, kind text not null, channel text not null,
        via text not null, words text not null, store text not null, inviter text not null,
        advisor text not null, arrived_at text not null, due_at text, accepted_at text,
        state text not null, passed text not null, why text not null);
    create index leads_customer on leads (customer, arrived_at);
    create index leads_due on leads (due_at) where due_at is not null;
    create index leads_advisor on leads (advisor, state);
    create index leads_store on leads (store, arrived_at);
    create index leads_inviter on leads (inviter, customer) where inviter <> '';
    create table sides (
        customer text primary key, state text not null, until text, knock_at text,
        words text not null, at text not null, by_whom text not null);
    create index sides_knock on sides (knock_at) where knock_at is not null;
    create index events_steps on events (kind, at, customer) where undone_at is null;
    """,
)

step(
    "0017 tiers, scores and audiences",
    """
    alter table groups add column official bigint not null default 1;
    alter table customers add column tier_rule text not null default '';
    alter table customers add column level_rule text not null default '';
    alter table customers add column rules_version bigint not null default 0;
    create table pins (
        customer text not null, what text not null, value text not null, why text not null,
        by_whom text not null, at text not null, until text not null, knock_at text not null,
        primary key (customer, what));
    create index pins_knock on pins (knock_at);
    create table scores (
        customer text not null, name text not null, value double precision not null,
        class text not null, inputs text not null, version bigint not null, at text not null,
        review_at text, primary key (customer, name));
    create index scores_name on scores (name, value, class, customer);
    create index scores_review on scores (review_at) where review_at is not null;
    create index customers_live on customers (id, store, owner, tier, track, level, stage, source,
        model, added_at, spoke_at, contacted_at, deleted_at, opted_out_at)
        where deleted_at is null and opted_out_at is null;
    create index customers_gone on customers (id)
        where deleted_at is not null or opted_out_at is not null;
    create index customers_source on customers (source);
    drop index tags_code;
    create index tags_held on tags (kind, code, last_at, customer, polarity, value, confidence,
        mentions, expires_at);
    drop index messages_at;
    create index messages_said on messages (who, at, customer);
    create index events_counted on events (kind, at, customer, undone_at);
    create index checkins_when on checkins (day, member);
    """,
)

step(
    "0018 personal data",
    """
    create table consents (
        id text primary key, customer text not null, what text not null, given bigint not null,
        words text not null, channel text not null, by_whom text not null, at text not null);
    create index consents_customer on consents (customer, at);
    create table erasures (
        mark text primary key, at text not null, by_whom text not null, why text not null,
        counts text not null, opted_out bigint not null);
    create table erasure_key (name text primary key, key text not null);
    create table merges (
        id text primary key, kept text not null, gone text not null, body text not null,
        by_whom text not null, at text not null, undone_at text);
    create index customers_phone on customers (phone) where phone <> '';
    """,
)

step(
    "0019 lost, referral and plans",
    """
    create table losses (
        id text primary key, customer text not null, advisor text not null, store text not null,
        reason text not null, kind text not null, asked_at text not null, rival text not null,
        gap bigint not null, contacts bigint not null, words text not null,
        evidence text not null, last_at text, state text not null, decided_by text not null,
        decided_at text, answer text not null, event text not null);
    create index losses_customer on losses (customer, asked_at);
    create index losses_store on losses (store, state);
    create index losses_advisor on losses (advisor, state);
    create table wakeups (
        id text primary key, loss text not null, customer text not null, reason text not null,
        at text not null, sent_at text, answered_at text);
    create index wakeups_customer on wakeups (customer, sent_at);
    create index wakeups_loss on wakeups (loss);
    create table pool (
        customer text primary key, store text not null, advisor text not null,
        state text not null, why text not null, at text not null, claimed_by text not null,
        claimed_at text);
    create index pool_store on pool (store, state, at);
    create index pool_claimed on pool (claimed_by, claimed_at);
    create table referrals (
        id text primary key, friend text not null, introducer text not null,
        words text not null, made_at text not null, by_whom text not null);
    create index referrals_friend on referrals (friend);
    create index referrals_introducer on referrals (introducer, made_at);
    create table rewards (
        id text primary key, friend text not null, introducer text not null,
        step text not null, what text not null, due_at text not null, state text not null,
        given_at text, by_whom text not null, proof text not null);
    create index rewards_introducer on rewards (introducer, state);
    create table sop_plans (
        plan text not null, store text not null, state text not null, by_whom text not null,
        at text not null, primary key (plan, store));
    create table sop_runs (
        id text primary key, customer text not null, plan text not null, origin text not null,
        state text not null, priority bigint not null, step bigint not null,
        base_at text not null, started_at text not null, due_at text, why text not null,
        ended_at text);
    create index sop_runs_customer on sop_runs (customer, state);
    create index sop_runs_plan on sop_runs (plan, state, customer);
    create index sop_runs_due on sop_runs (due_at) where state = '进行中';
    create table sop_steps (
        id text primary key, run text not null, customer text not null, plan text not null,
        step bigint not null, state text not null, why text not null, at text not null);
    create index sop_steps_run on sop_steps (run, step);
    create table scans (name text primary key, due_at text not null, spot text not null);
    create table group_tasks (
        id text primary key, customer text not null, advisor text not null, name text not null,
        members text not null, words text not null, why text not null, state text not null,
        made_at text not null, until text not null, chat text not null);
    create index group_tasks_customer on group_tasks (customer, made_at);
    create index group_tasks_state on group_tasks (state, until);
    """,
)

step(
    "0020 who looked",
    """
    create table audit (
        seq bigint primary key, at text not null, who text not null, what text not null,
        about text not null, seal text not null);
    create index audit_about on audit (about, seq);
    """,
)

step(
    "0021 games, prizes and draws",
    """
    alter table games add column host text not null default '{}';
    create index games_live on games (chat_id, started_at) where state <> 'over';
    create index games_due on games (ends_at) where state <> 'over';
    create table game_moves (
        id text primary key, round text not null, player text not null, at text not null,
        said text not null);
    create index game_moves_round on game_moves (round, player);
    create index game_moves_player on game_moves (player);
    create table sitting_out (member text primary key, at text not null);
    create table secrets (name text primary key, value text not null);
    alter table checkins add column made_up bigint not null default 0;
    create table badges (
        chat_id text not null, member text not null, badge text not null, at text not null,
        primary key (chat_id, member, badge));
    create index badges_member on badges (member);
    create index points_earned on points (chat_id, member, reason, at);
    create index points_at on points (at);
    create table growth (
        id text primary key, chat_id text not null, member text not null, delta bigint not null,
        reason text not null, at text not null);
    create index growth_member on growth (chat_id, member);
    create table prizes (
        id text primary key, name text not null, cost bigint not null, stock bigint not null,
        worth bigint not null, how text not null, store text not null, per_member bigint not null,
        conditions text not null, until text, state text not null, at text not null);
    create table redemptions (
        id text primary key, code text not null unique, prize text not null,
        chat_id text not null, member text not null, name text not null, cost bigint not null,
        state text not null, at text not null, until text not null, used_at text,
        used_by text not null, store text not null, why text not null);
    create index redemptions_member on redemptions (member, at);
    create index redemptions_prize on redemptions (prize, state);
    create index redemptions_until on redemptions (until) where state = '待领';
    create table draws (
        id text primary key, chat_id text not null, title text not null, prizes text not null,
        rules text not null, seed text not null, commitment text not null, state text not null,
        by_whom text not null, made_at text not null, closes_at text not null, closed_at text,
        entries_hash text not null, told text not null);
    create index draws_chat on draws (chat_id, made_at);
    create index draws_due on draws (closes_at) where state = '报名中';
    create table draw_entries (
        draw text not null, ticket text not null, member text not null, name text not null,
        weight bigint not null, at text not null, primary key (draw, ticket));
    create index draw_entries_member on draw_entries (member, draw);
    create table draw_wins (
        id text primary key, draw text not null, unit bigint not null, turn bigint not null,
        prize text not null, ticket text not null, state text not null, why text not null,
        by_whom text not null, at text not null);
    create index draw_wins_draw on draw_wins (draw, unit, turn);
    """,
)

step(
    "0022 stopped by hand",
    """
    create table stops (
        way text primary key, by_whom text not null, why text not null, at text not null);
    """,
)

step(
    "0023 the console",
    """
    create table console_links (
        id text primary key, member text not null, made_at text not null, used_at text);
    create index console_links_made on console_links (made_at);
    create table console_sessions (
        id text primary key, member text not null, begun_at text not null, ended_at text);
    create index console_sessions_begun on console_sessions (begun_at);
    create index customers_page on customers (store, name, id);
    create index customers_counted on customers (store, owner, tier, level, deleted_at)
        where deleted_at is null;
    create index customers_silent on customers (store, spoke_at)
        where deleted_at is null and opted_out_at is null;
    create index groups_store on groups (store, chat_id);
    create index touches_refused on touches (at, refused) where refused is not null;
    create index outbox_state on outbox (state, seq);
    create index followups_risk on followups (risk_at) where risk_at is not null;
    create index games_started on games (chat_id, started_at);
    """,
)

step(
    "0024 figures",
    """
    create index customers_added on customers (store, added_at, stage);
    create index followups_waited on followups (advisor, created_at) where rule = 'waiting';
    create table digest_votes (
        reader text not null, part text not null, votes bigint not null, at text not null,
        primary key (reader, part));
    """,
)

step(
    "0025 pages of the groups",
    """
    create table h5_visitors (
        visitor text primary key, customer text not null, claimed text not null,
        lead text not null, chat_id text not null, at text not null);
    create index h5_visitors_customer on h5_visitors (customer);
    create index h5_visitors_claimed on h5_visitors (claimed);
    create index h5_visitors_lead on h5_visitors (lead);
    """,
)

step(
    "0026 several at work",
    """
    create index inbox_lane on inbox (lane, seq) where state = 'new';
    """,
)

step(
    "0027 plans of the groups",
    """
    create table group_plans (
        name text primary key, body text not null, at text not null, by_whom text not null);
    create table group_runs (
        id text primary key, plan text not null, chat_id text not null, store text not null,
        state text not null, priority bigint not null, auto bigint not null,
        begins text not null, made_at text not null, by_whom text not null, why text not null,
        held_on text, ended_at text);
    create index group_runs_chat on group_runs (chat_id, state);
    create index group_runs_plan on group_runs (plan, state, chat_id);
    create index group_runs_begins on group_runs (begins) where state = '未开始';
    create table group_steps (
        id text primary key, run text not null, chat_id text not null, store text not null,
        plan text not null, node bigint not null, on_day text not null, due_at text not null,
        state text not null, why text not null, said text not null, reader text not null,
        at text not null);
    create index group_steps_run on group_steps (run, node);
    create index group_steps_due on group_steps (due_at) where state = '待办';
    create index group_steps_given on group_steps (on_day) where state = '给了群主';
    create index group_steps_month on group_steps (store, on_day);
    create index group_steps_chat on group_steps (chat_id, on_day);
    create table group_topics (
        chat_id text not null, on_day text not null, topic text not null,
        primary key (chat_id, on_day));
    """,
)

step(
    "0028 community",
    """
    create table goals (
        id text primary key, chat_id text not null, title text not null, counts text not null,
        target bigint not null, reward text not null, state text not null, by_whom text not null,
        made_at text not null, until text not null, ended_at text, told_at text);
    create index goals_untold on goals (ended_at) where state = '达成' and told_at is null;
    create index goals_chat on goals (chat_id, state, made_at);
    create index goals_due on goals (until) where state = '进行中';
    create table goal_parts (
        goal text not null, key text not null, member text not null, at text not null,
        primary key (goal, key));
    create index goal_parts_member on goal_parts (member);
    create table drills (
        member text not null, question text not null, box bigint not null, due_at text not null,
        at text not null, primary key (member, question));
    create index drills_due on drills (member, due_at);
    create table drill_answers (
        id text primary key, member text not null, question text not null, good bigint not null,
        at text not null);
    create index drill_answers_member on drill_answers (member, at);
    create table activities (
        id text primary key, template text not null, title text not null, chat_id text not null,
        store text not null, begins text not null, ends text not null, budget bigint not null,
        body text not null, by_whom text not null, made_at text not null);
    create index activities_store on activities (store, begins);
    create index activities_chat on activities (chat_id, begins);
    create table alerts (
        id text primary key, kind text not null, chat_id text not null, store text not null,
        about text not null, evidence text not null, why text not null, topic text not null,
        owner text not null, state text not null, at text not null, due_at text not null,
        told_at text, raised_at text, ended_at text, ended_by text not null, note text not null);
    create index alerts_topic on alerts (kind, chat_id, topic, at);
    create index alerts_about on alerts (about);
    create index alerts_owner on alerts (owner, at);
    create index alerts_store on alerts (store, at);
    create index alerts_due on alerts (due_at) where ended_at is null and raised_at is null;
    create index alerts_untold on alerts (at) where told_at is null;
    create index alerts_ended on alerts (ended_at) where evidence <> '';
    create table group_questions (
        id text primary key, chat_id text not null, member text not null, words text not null,
        at text not null, due_at text not null);
    create index group_questions_chat on group_questions (chat_id, at);
    create index group_questions_due on group_questions (due_at);
    create index group_questions_member on group_questions (member);
    create table group_voices (
        chat_id text not null, code text not null, member text not null, words text not null,
        at text not null, primary key (chat_id, code, member));
    create index group_voices_member on group_voices (member);
    create index group_voices_at on group_voices (at);
    create table group_stages (
        chat_id text primary key, stage text not null, at text not null);
    """,
)

step(
    "0029 backups that were made",
    """
    create table backups (at text primary key, bytes bigint not null);
    """,
)

step(
    "0031 taps on pages, costs of activities",
    """
    create table h5_taps (id text primary key, free_at bigint not null);
    create index h5_taps_free on h5_taps (free_at);
    create table activity_costs (
        id text primary key, activity text not null, what text not null, yuan bigint not null,
        by_whom text not null, at text not null, undone_at text);
    create index activity_costs_activity on activity_costs (activity, at);
    """,
)

step(
    "0033 what goes first",
    """
    alter table outbox add column urgency bigint not null default 0;
    create index outbox_first on outbox (urgency, seq) where state = 'waiting';
    """,
)

step(
    "0032 steps by the day",
    f"""
    create table step_days (
        kind text not null, store text not null, day bigint not null, gap bigint not null,
        {", ".join(f"h{hour:02d} bigint not null" for hour in range(24))},
        primary key (kind, store, day, gap));
    create index step_days_day on step_days (day);
    create table step_owners (
        kind text not null, store text not null, day bigint not null, owner text not null,
        gap bigint not null, n bigint not null, primary key (kind, store, day, owner, gap));
    create index step_owners_day on step_owners (day);
    create table step_touched (
        store text not null, day bigint not null, primary key (store, day));
    create index step_touched_day on step_touched (day);
    create table step_range (
        zone text primary key, first_day bigint not null, end_day bigint not null);
    create index customers_standing on customers (store, owner, tier, level)
        where deleted_at is null;
    create index messages_when on messages (at, customer, source);
    create index script_uses_advisor on script_uses (advisor, at);
    """,
)

step(
    "0030 crowds counted quickly, links to materials",
    """
    drop index events_customer;
    create index events_customer on events (customer, at, kind, undone_at);
    drop index events_kind;
    create table material_links (
        id text primary key, material text not null, advisor text not null,
        customer text not null, at text not null);
    create index material_links_customer on material_links (customer);
    create index material_links_same on material_links (advisor, material, customer);
    """,
)

step(
    "0034 stars of customers, customers counted by the store",
    """
    create table stars (
        id text primary key, event text not null, customer text not null, advisor text not null,
        store text not null, kind text not null, state text not null, made_at text not null,
        due_at text, stars bigint not null, words text not null, channel text not null,
        rated_at text);
    create index stars_due on stars (due_at) where due_at is not null;
    create index stars_customer on stars (customer, made_at);
    create index stars_store on stars (store, rated_at);
    create index stars_words on stars (rated_at) where words <> '';
    drop index customers_standing;
    create index customers_tiers on customers (store, tier, level, deleted_at)
        where deleted_at is null;
    create index step_days_whole on step_days (kind, store, day, gap, h23);
    """,
)

step(
    "0035 parcels that wait are found among those that wait",
    """
    drop index outbox_state;
    create index outbox_state on outbox (state, seq) where state <> 'waiting';
    """,
)

step(
    "0038 pauses that all processes heed",
    """
    create table quotas (
        way text primary key, until text not null, times bigint not null, opened bigint not null);
    """,
)
