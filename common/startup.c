/* SPDX-License-Identifier: MIT */
#include "common/startup.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/thread.h"

enum {
    PATIENCE_MS = 60 * 1000,
    RETRY_MS = 100,
};

struct store *startup_open_store(const struct database_url *url)
{
    struct store *store = store_create(url);
    uint64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    for (;;) {
        enum status status = store_migrate(store);
        if (status == STATUS_OK) {
            return store;
        }
        bool patient = status != STATUS_INVALID && clock_monotonic_ms() < until_ms;
        if (!patient || thread_wait_for_stop_signal(RETRY_MS) != 0) {
            log_error("DATABASE_URL: the database cannot be used; giving up",
                      log_str("database", store_name(store)),
                      log_str("status", status_name(status)));
            store_destroy(store);
            return NULL;
        }
    }
}
