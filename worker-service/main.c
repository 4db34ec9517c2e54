/* SPDX-License-Identifier: MIT */
/*
 * order-worker, the process diagram:
 *
 *   Redis list -> processor -> database
 *                     \-> HEALTH_FILE, while the database answers <- order-worker health
 */
#include <stdlib.h>
#include <unistd.h>

#include "common/base/heartbeat.h"
#include "common/base/log.h"
#include "common/base/thread.h"
#include "common/processing/processor.h"
#include "common/program/command_line.h"
#include "common/program/config.h"
#include "common/program/inherited.h"
#include "common/program/startup.h"
#include "worker-service/health.h"

/* Without Redis there are no hints, and the processor lives on recovery alone. */
static struct queue *open_queue(const struct config *config)
{
    return config->has_redis ? queue_open_redis(&config->redis, config->redis_queue)
                             : queue_open_memory(1);
}

/* Returns the signal that ended it. */
static int process_until_stopped(const struct config *config, struct store *store,
                                 struct heartbeat *heartbeat)
{
    struct queue *queue = open_queue(config);
    const struct processor_config processing = {.delay_ms = config->processing_delay_ms,
                                                .capacity = config->worker_capacity,
                                                .recover = true,
                                                .heartbeat = heartbeat};
    struct processor *processor = processor_start(&processing, store, queue);
    log_info("ready", log_str("database", store_name(store)),
             log_str("queue", config->has_redis ? config->redis_queue : "none"),
             log_int("delay_ms", config->processing_delay_ms), log_int("pid", getpid()));

    int signal_number = thread_wait_for_stop_signal(THREAD_WAIT_FOR_EVER);
    log_info("stopping", log_int("signal", signal_number));
    if (!processor_stop(processor, PROCESSOR_STOP_MS)) {
        unlink(config->health_file); /* the heartbeat is in use */
        log_info("stopped", log_int("signal", signal_number));
        _exit(EXIT_SUCCESS); /* not exit: the thread would outlive its libraries */
    }
    queue_close(queue);
    return signal_number;
}

static int work(struct config *config, const struct command_call *call)
{
    (void)call;
    struct heartbeat *heartbeat = NULL;
    int signal_number = 0;
    struct store *store = startup_open_store(config, config->required_durability, &signal_number);
    if (store == NULL) {
        goto out;
    }
    if (config->health_file[0] != '\0') {
        heartbeat = heartbeat_open(config->health_file);
        if (heartbeat == NULL) {
            goto out;
        }
    }
    signal_number = process_until_stopped(config, store, heartbeat);
out:
    heartbeat_close(heartbeat);
    store_destroy(store);
    if (signal_number == 0) {
        return EXIT_FAILURE; /* the start failed, and the log says why */
    }
    log_info("stopped", log_int("signal", signal_number));
    return EXIT_SUCCESS;
}

static const struct command commands[] = {
    {.name = "work",
     .summary = "moves queued orders from Pending over Processing to Completed",
     .run = work},
    {.name = "health",
     .summary = "checks by HEALTH_FILE that the worker works: exit code 0",
     .run = health_run},
};

int main(int argc, char *argv[])
{
    inherited_repair();
    return command_line_run(CONFIG_WORKER, commands, sizeof commands / sizeof commands[0], argc,
                            argv);
}
