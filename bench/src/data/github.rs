//! Events of a code forge, in the shape of the GitHub API's: 0.5 to 8 kB, 1.8 kB
//! on average, many addresses that repeat the names of their owners.

use super::text::Text;
use super::words;
use loader_damage::rng::Rng;

const API: &str = "https://api.github.com";

const REPOSITORY_URLS: &[(&str, &str)] = &[
    ("stargazers_url", "stargazers"),
    ("tags_url", "tags{/tag}"),
    ("merges_url", "merges"),
    ("git_refs_url", "git/refs{/sha}"),
    ("archive_url", "{archive_format}{/ref}"),
    ("collaborators_url", "collaborators{/collaborator}"),
    ("languages_url", "languages"),
    ("trees_url", "git/trees{/sha}"),
    ("labels_url", "labels{/name}"),
    ("forks_url", "forks"),
    ("branches_url", "branches{/branch}"),
    ("commits_url", "commits{/sha}"),
    ("notifications_url", "notifications{?since,all,participating}"),
    ("contents_url", "contents/{+path}"),
    ("blobs_url", "git/blobs{/sha}"),
    ("issues_url", "issues{/number}"),
    ("compare_url", "compare/{base}...{head}"),
    ("issue_events_url", "issues/events{/number}"),
    ("statuses_url", "statuses/{sha}"),
    ("assignees_url", "assignees{/user}"),
    ("subscribers_url", "subscribers"),
    ("git_commits_url", "git/commits{/sha}"),
    ("downloads_url", "downloads"),
    ("pulls_url", "pulls{/number}"),
    ("issue_comment_url", "issues/comments/{number}"),
    ("hooks_url", "hooks"),
    ("subscription_url", "subscription"),
    ("milestones_url", "milestones{/number}"),
    ("keys_url", "keys{/key_id}"),
    ("teams_url", "teams"),
    ("events_url", "events"),
    ("contributors_url", "contributors"),
    ("comments_url", "comments{/number}"),
    ("git_tags_url", "git/tags{/sha}"),
];

const USER_URLS: &[(&str, &str)] = &[
    ("gists_url", "/gists{/gist_id}"),
    ("subscriptions_url", "/subscriptions"),
    ("received_events_url", "/received_events"),
    ("repos_url", "/repos"),
    ("organizations_url", "/orgs"),
    ("starred_url", "/starred{/owner}{/repo}"),
    ("events_url", "/events{/privacy}"),
    ("followers_url", "/followers"),
    ("following_url", "/following"),
    ("url", ""),
];

pub fn record(n: usize, rng: &mut Rng, text: &mut Text) {
    let login = words::login(rng);
    let repository = format!("{}/{}-{}", words::login(rng), words::word(rng), words::word(rng));
    // The share of each kind is that of a sample of the public feed.
    let (kind, payload): (_, fn(&str, &str, &mut Rng, &mut Text)) = match rng.below(30) {
        0..=12 => ("PushEvent", push),
        13..=18 => ("WatchEvent", |_, _, _, t| t.put("action", "started")),
        19..=21 => ("CreateEvent", create),
        22..=24 => ("ForkEvent", fork),
        25..=26 => ("IssueCommentEvent", comment),
        27..=28 => ("GollumEvent", pages),
        _ => ("IssuesEvent", |login, repository, rng, t| {
            t.put_object("issue", |t| issue(login, repository, rng, t));
            t.put("action", "opened");
        }),
    };
    text.object(|t| {
        t.put("type", kind);
        t.put("created_at", words::timestamp(rng));
        t.put_object("actor", |t| {
            avatar(rng, t);
            t.put("login", &login);
            t.put("url", format!("{API}/users/{login}"));
            t.put_raw("id", rng.below(4_000_000));
        });
        t.put_object("repo", |t| {
            t.put("url", format!("{API}/repos/{repository}"));
            t.put_raw("id", rng.below(8_000_000));
            t.put("name", &repository);
        });
        t.put_raw("public", true);
        t.put_object("payload", |t| payload(&login, &repository, rng, t));
        t.put("id", (1_652_857_722 + n).to_string());
    });
}

fn avatar(rng: &mut Rng, t: &mut Text) {
    let hash = words::hex(rng, 32);
    t.put("gravatar_id", &hash);
    t.put(
        "avatar_url",
        format!(
            "https://secure.gravatar.com/avatar/{hash}?d=https://a248.e.akamai.net/\
             assets.github.com%2Fimages%2Fgravatars%2Fgravatar-user-420.png"
        ),
    );
}

fn user(login: &str, rng: &mut Rng, t: &mut Text) {
    for (key, tail) in USER_URLS {
        t.put(key, format!("{API}/users/{login}{tail}"));
    }
    avatar(rng, t);
    t.put("type", "User");
    t.put("login", login);
    t.put_raw("id", rng.below(4_000_000));
}

fn push(login: &str, repository: &str, rng: &mut Rng, t: &mut Text) {
    let commits = if rng.one_in(4) { rng.between(2, 6) } else { 1 };
    let head = words::hex(rng, 40);
    t.put_array("commits", |t| {
        for n in 0..commits {
            let sha = if n == 0 { head.clone() } else { words::hex(rng, 40) };
            t.object(|t| {
                t.put("url", format!("{API}/repos/{repository}/commits/{sha}"));
                let length = rng.between(3, 25);
                t.put("message", words::english(rng, length));
                t.put_raw("distinct", true);
                t.put("sha", &sha);
                t.put_object("author", |t| {
                    t.put("email", format!("{login}@example.com"));
                    t.put("name", login);
                });
            });
        }
    });
    t.put_raw("distinct_size", commits);
    t.put("ref", "refs/heads/master");
    t.put_raw("push_id", 134_107_894 + rng.below(1000));
    t.put("head", &head);
    t.put("before", words::hex(rng, 40));
    t.put_raw("size", commits);
}

fn create(_: &str, _: &str, rng: &mut Rng, t: &mut Text) {
    t.put("description", words::english(rng, 5));
    t.put("master_branch", "master");
    t.put("ref", "master");
    t.put("ref_type", "branch");
}

fn fork(login: &str, repository: &str, rng: &mut Rng, t: &mut Text) {
    let name = repository.split('/').next_back().unwrap_or_default();
    let full = format!("{login}/{name}");
    t.put_object("forkee", |t| {
        t.put("description", words::english(rng, 14));
        t.put_raw("fork", true);
        t.put("url", format!("{API}/repos/{full}"));
        t.put("language", "Ruby");
        t.put("clone_url", format!("https://github.com/{full}.git"));
        t.put("ssh_url", format!("git@github.com:{full}.git"));
        t.put("git_url", format!("git://github.com/{full}.git"));
        t.put("html_url", format!("https://github.com/{full}"));
        t.put("full_name", &full);
        t.put("name", name);
        for (key, tail) in REPOSITORY_URLS {
            t.put(key, format!("{API}/repos/{full}/{tail}"));
        }
        t.put_object("owner", |t| user(login, rng, t));
        for key in ["forks", "open_issues", "watchers", "forks_count", "watchers_count", "open_issues_count"]
        {
            t.put_raw(key, rng.below(3));
        }
        for key in ["has_issues", "has_wiki", "has_downloads", "private", "public"] {
            t.put_raw(key, words::flag(rng));
        }
        for key in ["created_at", "updated_at", "pushed_at"] {
            t.put(key, words::timestamp(rng));
        }
        t.put_null("mirror_url");
        t.put_null("homepage");
        t.put_raw("size", rng.below(10_000));
        t.put_raw("id", rng.below(8_000_000));
    });
}

fn issue(login: &str, repository: &str, rng: &mut Rng, t: &mut Text) {
    let number = rng.below(500);
    let url = format!("{API}/repos/{repository}/issues/{number}");
    t.put_object("user", |t| user(login, rng, t));
    t.put("url", &url);
    t.put_array("labels", |_| ());
    t.put("html_url", format!("https://github.com/{repository}/issues/{number}"));
    t.put("labels_url", format!("{url}/labels{{/name}}"));
    t.put_object("pull_request", |t| {
        t.put_null("html_url");
        t.put_null("patch_url");
        t.put_null("diff_url");
    });
    t.put("title", words::english(rng, 7));
    t.put("created_at", words::timestamp(rng));
    t.put_null("closed_at");
    t.put_null("milestone");
    t.put("body", (0..rng.below(12)).map(|_| words::english(rng, 9)).collect::<Vec<_>>().join("\r\n"));
    t.put("updated_at", words::timestamp(rng));
    t.put_null("assignee");
    t.put_raw("number", number);
    t.put("state", "open");
    t.put_raw("id", rng.below(10_000_000));
    t.put("events_url", format!("{url}/events"));
    t.put("comments_url", format!("{url}/comments"));
    t.put_raw("comments", rng.below(20));
}

fn comment(login: &str, repository: &str, rng: &mut Rng, t: &mut Text) {
    t.put_object("issue", |t| issue(&words::login(rng), repository, rng, t));
    t.put_object("comment", |t| {
        t.put_object("user", |t| user(login, rng, t));
        let id = rng.below(20_000_000);
        t.put("url", format!("{API}/repos/{repository}/issues/comments/{id}"));
        t.put("created_at", words::timestamp(rng));
        t.put("updated_at", words::timestamp(rng));
        let length = rng.between(5, 80);
        t.put("body", words::english(rng, length));
        t.put_raw("id", id);
    });
    t.put("action", "created");
}

fn pages(_: &str, repository: &str, rng: &mut Rng, t: &mut Text) {
    t.put_array("pages", |t| {
        t.object(|t| {
            t.put("page_name", "Home");
            t.put("html_url", format!("https://github.com/{repository}/wiki/Home"));
            t.put("title", "Home");
            t.put("sha", words::hex(rng, 40));
            t.put_null("summary");
            t.put("action", "edited");
        });
    });
}
