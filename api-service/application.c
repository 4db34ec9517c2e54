/* SPDX-License-Identifier: MIT */
#include "api-service/application.h"

#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "api-service/admission/auth.h"
#include "api-service/admission/login_watch.h"
#include "api-service/pipeline/announcer.h"
#include "api-service/pipeline/intake.h"
#include "api-service/pipeline/reads.h"
#include "api-service/pipeline/verifier.h"
#include "api-service/pipeline/worker_watch.h"
#include "api-service/routes/dispatch.h"
#include "common/base/memory.h"
#include "common/http/http_listener.h"
#include "common/http/http_server.h"
#include "common/processing/processor.h"
#include "common/program/startup.h"

enum {
    LOCAL_QUEUE_MAX = 100000, /* hints; what does not fit is found by query */
    DRAIN_MS = 7 * 1000, /* for requests under way: an order takes 5 s and a call to the database */
};

/* The stores are one for each thread that uses the database. */
struct application {
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

/* False: as application_start. */
static bool open_stores(struct application *application, const struct config *config,
                        int *stop_signal)
{
    application->intake_store =
        startup_open_store(config, config->required_durability, stop_signal);
    if (application->intake_store == NULL) {
        return false;
    }
    application->reads_store = store_create(&config->database);
    application->verifier_store = store_create(&config->database);
    application->processor_store = store_create(&config->database);
    return true;
}

/* False: as application_start; what was started by then has to be stopped. */
static bool start(struct application *application, struct config *config, int *stop_signal)
{
    int listener = http_listener_bind(config->host, config->port);
    if (listener < 0) {
        return false;
    }
    if (!open_stores(application, config, stop_signal)) {
        close(listener);
        return false;
    }
    application->local = queue_open_memory(LOCAL_QUEUE_MAX);
    if (config->has_redis) {
        application->remote = queue_open_redis(&config->redis, config->redis_queue);
    }
    application->announcer = announcer_start(application->remote, application->local);
    /* With Redis the workers recover orders; this processor only works while Redis is away. */
    application->processor =
        processor_start(&(struct processor_config){.delay_ms = config->processing_delay_ms,
                                                   .capacity = config->worker_capacity,
                                                   .recover = !config->has_redis},
                        application->processor_store, application->local);
    application->auth = auth_create(config->client_id, config->client_secret);
    application->service.logins =
        (struct logins){.auth = application->auth, .watch = login_watch_start()};
    application->service.remote = application->remote;
    application->service.intake = intake_start(application->intake_store, application->announcer);
    application->service.reads = reads_start(application->reads_store);
    if (config->has_redis) {
        application->service.watch =
            worker_watch_start(application->service.reads, config->processing_delay_ms);
    }
    application->service.verifier =
        verifier_start(application->verifier_store, &application->service.draining);
    const struct http_application routes = dispatch_application(&application->service);
    application->server = http_server_start(listener, &routes);
    return application->server != NULL;
}

bool application_start(struct config *config, struct application **started, int *stop_signal)
{
    *started = memory_allocate(1, sizeof **started);
    bool is_started = start(*started, config, stop_signal);
    sodium_memzero(config->client_secret, sizeof config->client_secret);
    return is_started;
}

uint16_t application_port(const struct application *application)
{
    return http_server_port(application->server);
}

const char *application_database(const struct application *application)
{
    return store_name(application->reads_store);
}

/* Each part ends after those that feed it, so that no accepted request is left without its answer.
 */
bool application_stop(struct application *application)
{
    atomic_store(&application->service.draining, true);
    if (application->server != NULL) {
        http_server_drain(application->server, DRAIN_MS);
    }
    intake_stop(application->service.intake);
    worker_watch_stop(application->service.watch);
    reads_stop(application->service.reads);
    verifier_stop(application->service.verifier);
    http_server_stop(application->server);
    login_watch_stop(application->service.logins.watch);
    announcer_stop(application->announcer);
    if (!processor_stop(application->processor, PROCESSOR_STOP_MS)) {
        return false;
    }
    queue_close(application->remote);
    queue_close(application->local);
    auth_destroy(application->auth);
    store_destroy(application->processor_store);
    store_destroy(application->verifier_store);
    store_destroy(application->reads_store);
    store_destroy(application->intake_store);
    free(application);
    return true;
}
