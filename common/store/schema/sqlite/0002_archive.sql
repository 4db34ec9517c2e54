-- Completed orders that `order-api archive` has moved out of the way. Nothing ever changes here, so
-- there is no index but the one that finds an order by its id. An id is in one of the two tables.
CREATE TABLE orders_archive (
    id           INTEGER PRIMARY KEY,
    client_id    TEXT    NOT NULL,
    user_id      TEXT    NOT NULL,
    item_ids     TEXT    NOT NULL,
    total_cents  INTEGER NOT NULL,
    status       INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    started_at   INTEGER,
    due_at       INTEGER NOT NULL,
    completed_at INTEGER,
    archived_at  INTEGER NOT NULL
) STRICT;
