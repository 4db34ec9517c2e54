/* SPDX-License-Identifier: MIT */
/*
 * order-api, the process diagram:
 *
 *   HTTP server -> intake (one transaction for all that wait) -> announcer -> Redis list
 *               -> reads  (one query for all that wait)        \-> in-process queue -> processor
 *               -> verifier (a recount on demand)
 *
 * Each of intake, reads, verifier and processor has its own connection to the database and its own
 * thread; the verifier's is made when it is first needed.
 * That is `order-api serve`; the other commands stand in the table above main.
 */
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "api-service/admission/auth.h"
#include "api-service/commands/archive.h"
#include "api-service/commands/health.h"
#include "api-service/commands/migrate.h"
#include "api-service/commands/verify.h"
#include "api-service/pipeline/announcer.h"
#include "api-service/pipeline/intake.h"
#include "api-service/pipeline/reads.h"
#include "api-service/routes/orders.h"
#include "common/base/log.h"
#include "common/base/thread.h"
#include "common/http/http_listener.h"
#include "common/http/http_server.h"
#include "common/processing/processor.h"
#include "common/program/command_line.h"
#include "common/program/config.h"
#include "common/program/startup.h"

enum {
    LOCAL_QUEUE_MAX = 100000, /* hints; what does not fit is found by query */
    DRAIN_MS = 7 * 1000, /* for requests under way: an order takes 5 s and a call to the database */
};

/* The stores are one for each thread that uses the database. */
struct parts {
    struct store *intake_store;
    struct store *reads_store;
    struct store *verifier_store;
    struct store *processor_store;
    struct queue *remote; /* NULL without Redis */
    struct queue *local;
    struct announcer *announcer;
    struct processor *processor;
    struct auth *auth;
    struct service service;
    struct http_server *server;
};

/* False: it has failed, and the log says why, or `*stop_signal` has ended it. */
static bool start(struct parts *parts, struct config *config, int *stop_signal)
{
    int listener = http_listener_bind(config->host, config->port);
    if (listener < 0) {
        return false;
    }
    parts->intake_store =
        startup_open_store(&config->database, config->required_durability, stop_signal);
    if (parts->intake_store == NULL) {
        close(listener);
        return false;
    }
    parts->reads_store = store_create(&config->database);
    parts->verifier_store = store_create(&config->database);
    parts->processor_store = store_create(&config->database);
    parts->local = queue_open_memory(LOCAL_QUEUE_MAX);
    if (config->has_redis) {
        parts->remote = queue_open_redis(&config->redis, config->redis_queue);
    }
    parts->announcer = announcer_start(parts->remote, parts->local);
    /* With Redis, recovery is the workers' business; this processor only stands in while Redis is
     * away. */
    parts->processor =
        processor_start(&(struct processor_config){.delay_ms = config->processing_delay_ms,
                                                   .capacity = config->worker_capacity,
                                                   .recover = !config->has_redis},
                        parts->processor_store, parts->local);
    parts->auth = auth_create(config->client_id, config->client_secret);
    sodium_memzero(config->client_secret, sizeof config->client_secret);
    parts->service.auth = parts->auth;
    parts->service.remote = parts->remote;
    parts->service.intake = intake_start(parts->intake_store, parts->announcer);
    parts->service.reads = reads_start(parts->reads_store);
    parts->service.verifier = verifier_start(parts->verifier_store, &parts->service.draining);
    const struct http_application application = handlers_application(&parts->service);
    parts->server = http_server_start(listener, &application);
    return parts->server != NULL;
}

/*
 * No accepted request is left without its answer: each part ends after those that feed it. False:
 * all are answered, but the processor waits for the database.
 */
static bool stop(struct parts *parts)
{
    atomic_store(&parts->service.draining, true);
    if (parts->server != NULL) {
        http_server_drain(parts->server, DRAIN_MS);
    }
    intake_stop(parts->service.intake);
    reads_stop(parts->service.reads);
    verifier_stop(parts->service.verifier);
    http_server_stop(parts->server);
    announcer_stop(parts->announcer);
    if (!processor_stop(parts->processor, PROCESSOR_STOP_MS)) {
        return false;
    }
    queue_close(parts->remote);
    queue_close(parts->local);
    auth_destroy(parts->auth);
    store_destroy(parts->processor_store);
    store_destroy(parts->verifier_store);
    store_destroy(parts->reads_store);
    store_destroy(parts->intake_store);
    return true;
}

static int serve(struct config *config, const struct command_call *call)
{
    (void)call;
    if (sodium_init() < 0) {
        log_error("libsodium does not start", log_int("pid", getpid()));
        return EXIT_FAILURE;
    }
    if (config->client_id[0] == '\0') {
        log_warn("no client may call; set API_CLIENT_ID and API_CLIENT_SECRET",
                 log_int("clients", 0));
    }
    struct parts parts = {0};
    int signal_number = 0;
    if (start(&parts, config, &signal_number)) {
        log_info("ready", log_int("port", http_server_port(parts.server)),
                 log_str("host", config->host), log_str("database", store_name(parts.reads_store)),
                 log_str("queue", config->has_redis ? config->redis_queue : "in-process"),
                 log_int("pid", getpid()));
        signal_number = thread_wait_for_stop_signal(THREAD_WAIT_FOR_EVER);
        log_info("stopping", log_int("signal", signal_number));
    }
    bool ended = stop(&parts);
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
};

int main(int argc, char *argv[])
{
    thread_prepare_signals();
    return command_line_run(CONFIG_API, commands, sizeof commands / sizeof commands[0], argc, argv);
}
