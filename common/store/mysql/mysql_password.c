/* SPDX-License-Identifier: MIT */
#include "common/store/mysql/mysql_password.h"

#include <mysql.h>
#include <stddef.h>

#ifdef MARIADB_PACKAGE_VERSION
#include <mysql/client_plugin.h>

/* What the library does for caching_sha2_password, MySQL's default. */
static int (*authenticate)(MYSQL_PLUGIN_VIO *vio, MYSQL *connection);

/*
 * It takes a connection on which TLS was asked for as one that has TLS. A server without would be
 * sent the password as it is, for all to read, and refuse it. Only where TLS was not asked for is
 * the password encrypted. So that is what it gets to see. Called with the server's greeting read
 * and TLS not begun.
 */
static int authenticate_with_care(MYSQL_PLUGIN_VIO *vio, MYSQL *connection)
{
    static const unsigned char off = 0;
    if ((connection->server_capabilities & CLIENT_SSL) == 0) {
        mysql_options(connection, MYSQL_OPT_SSL_ENFORCE, &off);
    }
    return authenticate(vio, connection);
}

/* Without the plugin no connection comes to where it would be needed. */
void mysql_password_protect(void)
{
    MYSQL *connection = mysql_init(NULL);
    if (connection == NULL || authenticate != NULL) {
        mysql_close(connection);
        return;
    }
    struct st_mysql_client_plugin_AUTHENTICATION *plugin =
        (void *)mysql_client_find_plugin(connection, "caching_sha2_password",
                                         MYSQL_CLIENT_AUTHENTICATION_PLUGIN);
    if (plugin != NULL) {
        authenticate = plugin->authenticate_user;
        plugin->authenticate_user = authenticate_with_care;
    }
    mysql_close(connection);
}
#else
void mysql_password_protect(void)
{
}
#endif
