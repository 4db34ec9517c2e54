-- Completed orders that `order-api archive` has moved out of the way. Nothing ever changes here, so
-- pages are filled whole, and there is no index but the one that finds an order by its id. An id is
-- in one of the two tables.
CREATE TABLE orders_archive (
    id           bigint      PRIMARY KEY,
    total_cents  bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    started_at   timestamptz,
    due_at       timestamptz NOT NULL,
    completed_at timestamptz,
    archived_at  timestamptz NOT NULL,
    status       smallint    NOT NULL,
    client_id    text COLLATE "C" NOT NULL,
    user_id      text COLLATE "C" NOT NULL,
    item_ids     text COLLATE "C" NOT NULL
);
