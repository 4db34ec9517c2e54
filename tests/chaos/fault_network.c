/* SPDX-License-Identifier: MIT */
#include "tests/chaos/faults.h"

enum {
    LATE_MS = 1000,
    TOO_LATE_MS = 3000,
    DELAY_MS = 40,
    THROTTLE_BYTES_PER_S = 20000,
    DATABASE_CUT_MAX = 4000, /* bytes */
    REDIS_CUT_MAX = 100,     /* Redis sends less: ":1" for a hint */
    EVERY_MAX = 3,
};

static bool is_to_redis(const struct fault *fault)
{
    return fault->kind->link == LINK_REDIS;
}

/* Between the service that the fault is aimed at and the server that its kind names. */
static struct fault_proxy *link_of(struct victims *victims, const struct fault *fault)
{
    struct topology *topology = &victims->topology;
    return is_to_redis(fault) ? topology->redis_links[fault->target]
                              : topology->database_links[fault->target];
}

static void pass(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(link_of(victims, fault));
}

/* It has an effect if the service is connected: then it waits for an answer, now or soon. */
void fault_begin_silent(struct victims *victims, struct fault *fault)
{
    struct fault_proxy *link = link_of(victims, fault);
    fault_proxy_silence(link);
    fault_count_to(fault, fault_proxy_counts(link).open);
}

void fault_end_silent(struct victims *victims, struct fault *fault)
{
    pass(victims, fault);
}

static uint64_t bytes_of(struct fault_proxy *link)
{
    struct fault_counts counts = fault_proxy_counts(link);
    return counts.bytes[FAULT_TO_SERVER] + counts.bytes[FAULT_TO_CLIENT];
}

void fault_begin_slow(struct victims *victims, struct fault *fault)
{
    struct fault_proxy *link = link_of(victims, fault);
    fault_count_from(fault, bytes_of(link));
    if (fault->dice % 2 == 0) {
        fault_proxy_delay(link, DELAY_MS);
    } else {
        fault_proxy_throttle(link, THROTTLE_BYTES_PER_S);
    }
}

void fault_end_slow(struct victims *victims, struct fault *fault)
{
    fault_count_to(fault, bytes_of(link_of(victims, fault)));
    pass(victims, fault);
}

void fault_begin_reset(struct victims *victims, struct fault *fault)
{
    struct fault_proxy *link = link_of(victims, fault);
    fault_count_from(fault, fault_proxy_counts(link).resets);
    fault_proxy_reset(link);
    fault_count_to(fault, fault_proxy_counts(link).resets);
}

void fault_end_reset(struct victims *victims, struct fault *fault)
{
    pass(victims, fault);
}

/* New connections are refused or reset, and existing ones end. */
void fault_begin_refused(struct victims *victims, struct fault *fault)
{
    struct fault_proxy *link = link_of(victims, fault);
    if (fault->dice % 2 == 0) {
        fault_proxy_refuse(link);
    } else {
        fault_proxy_reset_new(link);
    }
    fault_begin_reset(victims, fault);
}

void fault_end_refused(struct victims *victims, struct fault *fault)
{
    pass(victims, fault);
}

/* In the middle of a message, as when a network goes down. */
void fault_begin_cut(struct victims *victims, struct fault *fault)
{
    struct fault_proxy *link = link_of(victims, fault);
    uint64_t dice = fault->dice;
    uint64_t bytes_max = is_to_redis(fault) ? REDIS_CUT_MAX : DATABASE_CUT_MAX;
    fault_count_from(fault, fault_proxy_counts(link).cuts);
    fault_proxy_cut_after(link, dice % 4 == 0 ? FAULT_TO_SERVER : FAULT_TO_CLIENT,
                          1 + dice / 4 % bytes_max);
}

void fault_end_cut(struct victims *victims, struct fault *fault)
{
    fault_count_to(fault, fault_proxy_counts(link_of(victims, fault)).cuts);
    pass(victims, fault);
}

void fault_begin_half_closed(struct victims *victims, struct fault *fault)
{
    struct fault_proxy *link = link_of(victims, fault);
    fault_count_from(fault, fault_proxy_counts(link).half_closes);
    fault_proxy_half_close(link, fault->dice % 2 == 0 ? FAULT_TO_SERVER : FAULT_TO_CLIENT);
    fault_count_to(fault, fault_proxy_counts(link).half_closes);
}

void fault_end_half_closed(struct victims *victims, struct fault *fault)
{
    pass(victims, fault);
}

/* Of all three kinds; a link has only one of them at a time. */
static uint64_t count_disturbed_commits(struct fault_proxy *link)
{
    struct fault_counts counts = fault_proxy_counts(link);
    return counts.eaten_oks + counts.eaten_commits + counts.late_commits;
}

static void disturb_commits(struct victims *victims, struct fault *fault, enum fault_commit kind,
                            uint32_t hold_ms)
{
    fault_count_from(fault, count_disturbed_commits(link_of(victims, fault)));
    fault_proxy_commits(link_of(victims, fault),
                        &(struct fault_commits){.kind = kind,
                                                .every = 1 + (uint32_t)(fault->dice % EVERY_MAX),
                                                .hold_ms = hold_ms});
}

/* COMMITs that are held back are sent now. */
static void stop_disturbing_commits(struct victims *victims, struct fault *fault)
{
    fault_count_to(fault, count_disturbed_commits(link_of(victims, fault)));
    fault_proxy_commits(link_of(victims, fault), NULL);
}

void fault_begin_eat_ok(struct victims *victims, struct fault *fault)
{
    disturb_commits(victims, fault, FAULT_EAT_OK, 0);
}

void fault_end_eat_ok(struct victims *victims, struct fault *fault)
{
    stop_disturbing_commits(victims, fault);
}

void fault_begin_eat_commit(struct victims *victims, struct fault *fault)
{
    disturb_commits(victims, fault, FAULT_EAT_COMMIT, 0);
}

void fault_end_eat_commit(struct victims *victims, struct fault *fault)
{
    stop_disturbing_commits(victims, fault);
}

void fault_begin_late_commit(struct victims *victims, struct fault *fault)
{
    disturb_commits(victims, fault, FAULT_LATE_COMMIT, LATE_MS);
}

void fault_end_late_commit(struct victims *victims, struct fault *fault)
{
    stop_disturbing_commits(victims, fault);
}

/* By then the server has rolled back the idle transaction and released its locks. */
void fault_begin_lost_commit(struct victims *victims, struct fault *fault)
{
    disturb_commits(victims, fault, FAULT_LATE_COMMIT, TOO_LATE_MS);
}

void fault_end_lost_commit(struct victims *victims, struct fault *fault)
{
    stop_disturbing_commits(victims, fault);
}
