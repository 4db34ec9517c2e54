/* SPDX-License-Identifier: MIT */
#include "common/startup.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/thread.h"

enum {
    PATIENCE_MS = 60 * 1000,
    RETRY_MS = 100,
};

struct store *startup_open_store(const struct database_url *url, int *stop_signal)
{
    struct store *store = store_create(url);
    uint64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    enum status status = store_migrate(store);
    *stop_signal = 0;
    while (status != STATUS_OK && status != STATUS_INVALID && clock_monotonic_ms() < until_ms) {
        *stop_signal = thread_wait_for_stop_signal(RETRY_MS);
        if (*stop_signal != 0) {
            log_info("told to stop while waiting for the database",
                     log_int("signal", *stop_signal));
            store_destroy(store);
            return NULL;
        }
        status = store_migrate(store);
    }
    if (status == STATUS_OK) {
        return store;
    }
    log_error("DATABASE_URL: the database cannot be used; giving up",
              log_str("database", store_name(store)), log_str("status", status_name(status)));
    store_destroy(store);
    return NULL;
}
