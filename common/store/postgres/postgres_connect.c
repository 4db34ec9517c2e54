/* SPDX-License-Identifier: MIT */
#include "common/store/postgres/postgres_connect.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"

/* Empty: libpq's own default, which is prefer unless PGSSLMODE in the environment says more. */
static const char *const tls_modes[] = {
    [DATABASE_TLS_DEFAULT] = "",           [DATABASE_TLS_DISABLED] = "disable",
    [DATABASE_TLS_ALLOWED] = "allow",      [DATABASE_TLS_PREFERRED] = "prefer",
    [DATABASE_TLS_REQUIRED] = "require",   [DATABASE_TLS_VERIFY_CA] = "verify-ca",
    [DATABASE_TLS_VERIFY] = "verify-full",
};

/* An empty value means the same as none: libpq's default. */
PGconn *postgres_connect_start(const struct database_url *url)
{
    char port[8];
    snprintf(port, sizeof port, "%u", (unsigned)url->port);
    const struct {
        const char *name;
        const char *value;
    } parameters[] = {
        {"host", url->path[0] != '\0' ? url->path : url->host},
        {"port", port},
        {"user", url->user},
        {"password", url->password},
        {"dbname", url->database},
        {"sslmode", tls_modes[url->tls]},
        {"sslrootcert", url->tls_ca},
        {"channel_binding", url->channel_binding_required ? "require" : ""},
        {"client_encoding", "UTF8"},
        {"application_name", url->application_name},
        {"fallback_application_name", "orders"},
        {"gssencmode", "disable"},
        {"tcp_user_timeout", "5000"},
        {"keepalives_idle", "10"},
        {"keepalives_interval", "5"},
        {"keepalives_count", "3"},
    };
    enum { COUNT = sizeof parameters / sizeof parameters[0] };
    const char *names[COUNT + 1] = {NULL};
    const char *values[COUNT + 1] = {NULL};
    for (size_t i = 0; i < COUNT; i++) {
        names[i] = parameters[i].name;
        values[i] = parameters[i].value;
    }
    return PQconnectStartParams(names, values, 0);
}

bool postgres_connect_wait_for(const PGconn *connection, short events, uint64_t deadline_ms)
{
    for (;;) {
        uint64_t now_ms = clock_monotonic_ms();
        if (now_ms >= deadline_ms) {
            return false;
        }
        struct pollfd socket = {.fd = PQsocket(connection), .events = events};
        int ready = poll(&socket, 1, (int)(deadline_ms - now_ms));
        if (ready > 0) {
            return true;
        }
        if (ready < 0 && errno != EINTR) {
            return false;
        }
    }
}
