-- Completed orders that `order-api archive` has moved out of the way. Nothing ever changes here, so
-- there is no index but the one that finds an order by its id. An id is in one of the two tables.
CREATE TABLE IF NOT EXISTS orders_archive (
    id           BIGINT UNSIGNED  NOT NULL PRIMARY KEY,
    client_id    VARBINARY(64)    NOT NULL,
    user_id      VARCHAR(64)      NOT NULL,
    item_ids     MEDIUMTEXT       NOT NULL,
    total_cents  BIGINT           NOT NULL,
    status       TINYINT UNSIGNED NOT NULL,
    created_at   DATETIME(6)      NOT NULL,
    started_at   DATETIME(6)      NULL,
    due_at       DATETIME(6)      NOT NULL,
    completed_at DATETIME(6)      NULL,
    archived_at  DATETIME(6)      NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
