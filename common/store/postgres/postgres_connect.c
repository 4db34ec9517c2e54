/* SPDX-License-Identifier: MIT */
#include "common/store/postgres/postgres_connect.h"

#include <stddef.h>
#include <stdio.h>

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
