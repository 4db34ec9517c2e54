/* SPDX-License-Identifier: MIT */
/*
 * order-api, the process diagram:
 *
 *   HTTP server -> intake (one transaction for all that wait) -> announcer -> Redis list
 *               -> reads  (one query for all that wait)        \-> in-process queue -> processor
 *               -> verifier (a recount on demand)
 *               -> login watch (says where logins fail)
 *   with Redis: worker watch -> reads (says when orders wait and no worker starts them)
 *
 * Each of intake, reads, verifier and processor has its own connection to the database and its own
 * thread; the verifier's is made when it is first needed.
 * That is `order-api serve`; the other commands stand in the table above main.
 */
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "api-service/application.h"
#include "api-service/commands/archive.h"
#include "api-service/commands/backup.h"
#include "api-service/commands/health.h"
#include "api-service/commands/migrate.h"
#include "api-service/commands/verify.h"
#include "common/base/log.h"
#include "common/base/thread.h"
#include "common/http/http_listener.h"
#include "common/http/http_server.h"
#include "common/program/command_line.h"
#include "common/program/config.h"
#include "common/program/inherited.h"

static int serve(struct config *config, const struct command_call *call)
{
    (void)call;
    if (sodium_init() < 0) {
        log_error("libsodium does not start, so the program ends", log_int("pid", getpid()));
        return EXIT_FAILURE;
    }
    if (config->client_id[0] == '\0') {
        log_warn("no client may call; set API_CLIENT_ID and API_CLIENT_SECRET",
                 log_int("clients", 0));
    }
    struct application *application;
    int signal_number = 0;
    if (application_start(config, &application, &signal_number)) {
        log_info("ready", log_int("port", application_port(application)),
                 log_str("host", config->host),
                 log_str("database", application_database(application)),
                 log_str("queue", config->has_redis ? config->redis_queue : "in-process"),
                 log_int("pid", getpid()));
        signal_number = thread_wait_for_stop_signal(THREAD_WAIT_FOR_EVER);
        log_info("stopping", log_int("signal", signal_number));
    }
    bool ended = application_stop(application);
    log_info("stopped", log_int("signal", signal_number));
    /* Without a signal it has not been stopped: the start has failed. */
    int code = signal_number != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    if (!ended) {
        _exit(code); /* not exit: the processor's thread would outlive its libraries */
    }
    return code;
}

static const struct command commands[] = {
    {.name = "serve",
     .summary = "takes orders over HTTP, stores them and queues their ids",
     .run = serve},
    {.name = "health",
     .summary = "asks the order-api at HOST and PORT: exit code 0 if it is ready",
     .run = health_run},
    {.name = "verify",
     .summary = "compares the counters with a recount of all orders: exit code 0 if they are equal",
     .run = verify_run,
     .options = verify_options},
    {.name = "migrate",
     .summary = "brings the database's schema to this program's version",
     .run = migrate_run,
     .options = migrate_options},
    {.name = "archive",
     .summary = "moves Completed orders out of the table in use, while the services run",
     .run = archive_run,
     .options = archive_options},
    {.name = "backup",
     .summary = "copies the SQLite database, while the services run, to FILE; replaces a FILE only "
                "if it is empty or a database of orders",
     .run = backup_run,
     .operand = "FILE"},
};

int main(int argc, char *argv[])
{
    inherited_repair();
    return command_line_run(CONFIG_API, commands, sizeof commands / sizeof commands[0], argc, argv);
}
