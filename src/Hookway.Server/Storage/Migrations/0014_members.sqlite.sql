-- People. "email" is as compared: trimmed and in lower case. "code_secret" is the sealed secret of their authenticator, "code_step" the last of its steps that was used.
CREATE TABLE users (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    code_secret BLOB,
    code_step INTEGER NOT NULL DEFAULT 0,
    recovery_codes TEXT,
    failures INTEGER NOT NULL DEFAULT 0,
    locked_until INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);

CREATE TABLE members (
    workspace_no INTEGER NOT NULL,
    user_no INTEGER NOT NULL,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_no, user_no)
) WITHOUT ROWID;
-- The workspaces of one person.
CREATE INDEX members_by_user ON members (user_no);

-- Links that let someone in once: set-up, invitation, password reset. The token itself is in the link alone.
CREATE TABLE access_links (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    hash BLOB NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    workspace_no INTEGER,
    user_no INTEGER,
    email TEXT,
    role TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
-- The invitations of a workspace.
CREATE INDEX access_links_by_workspace ON access_links (workspace_no, no);

CREATE TABLE user_sessions (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    hash BLOB NOT NULL UNIQUE,
    user_no INTEGER NOT NULL,
    device TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
-- The sessions of one person.
CREATE INDEX user_sessions_by_user ON user_sessions (user_no, no);
