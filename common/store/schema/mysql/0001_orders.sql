-- Times are UTC. Every statement may be repeated: MySQL commits each one by itself.
--
-- Clients and idempotency keys are VARBINARY because they are compared to decide who may see what.
-- The collations that MySQL and MariaDB share ignore trailing spaces even when binary, so with
-- utf8mb4_bin the client 'a' would see the orders of the client 'a '.
CREATE TABLE IF NOT EXISTS orders (
    id           BIGINT UNSIGNED  NOT NULL PRIMARY KEY,
    client_id    VARBINARY(64)    NOT NULL,
    user_id      VARCHAR(64)      NOT NULL,
    item_ids     MEDIUMTEXT       NOT NULL, -- the JSON array as the client sent it
    total_cents  BIGINT           NOT NULL,
    status       TINYINT UNSIGNED NOT NULL, -- 0 Pending, 1 Processing, 2 Completed
    created_at   DATETIME(6)      NOT NULL,
    started_at   DATETIME(6)      NULL,     -- this and completed_at: '1000-01-01' until it happens
    due_at       DATETIME(6)      NOT NULL, -- Pending: created_at; later: when Processing may end
    completed_at DATETIME(6)      NULL,
    KEY orders_open (status, due_at)        -- recovery reads the oldest Pending, the longest overdue
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Sums over all slots are the metrics. A slot is written by few connections, so no row is hot.
CREATE TABLE IF NOT EXISTS counters (
    slot        TINYINT UNSIGNED NOT NULL PRIMARY KEY,
    created     BIGINT           NOT NULL DEFAULT 0,
    started     BIGINT           NOT NULL DEFAULT 0,
    completed   BIGINT           NOT NULL DEFAULT 0,
    duration_us BIGINT           NOT NULL DEFAULT 0
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT IGNORE INTO counters (slot) VALUES
    (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15),
    (16), (17), (18), (19), (20), (21), (22), (23), (24), (25), (26), (27), (28), (29), (30), (31),
    (32), (33), (34), (35), (36), (37), (38), (39), (40), (41), (42), (43), (44), (45), (46), (47),
    (48), (49), (50), (51), (52), (53), (54), (55), (56), (57), (58), (59), (60), (61), (62), (63);

-- The next order id nobody has reserved.
CREATE TABLE IF NOT EXISTS id_blocks (
    name    VARCHAR(64)     NOT NULL PRIMARY KEY,
    next_id BIGINT UNSIGNED NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT IGNORE INTO id_blocks VALUES ('orders', 1);

CREATE TABLE IF NOT EXISTS idempotency_keys (
    client_id       VARBINARY(64)   NOT NULL,
    idempotency_key VARBINARY(255)  NOT NULL,
    order_id        BIGINT UNSIGNED NOT NULL,
    fingerprint     BINARY(16)      NOT NULL, -- BLAKE2b-128 of the request body
    created_at      DATETIME(6)     NOT NULL,
    PRIMARY KEY (client_id, idempotency_key)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
