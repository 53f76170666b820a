-- Sign-ins at addresses that are nobody's, by the first byte of their hash: they cost the write that one at a person's address costs, so that nobody can tell by the time it takes.
CREATE TABLE unknown_sign_ins (
    no BIGINT PRIMARY KEY,
    tries BIGINT NOT NULL
);
