/* SPDX-License-Identifier: MIT */
#include "tests/chaos/faults.h"

enum {
    LATE_MS = 3000,
    DELAY_MS = 40,
    THROTTLE_BYTES_PER_S = 20000,
    CUT_BYTES_MAX = 4000,
    EVERY_MAX = 3,
};

static struct fault_proxy *database_link(struct victims *victims, const struct fault *fault)
{
    return victims->topology.database_links[fault->target];
}

static struct fault_proxy *redis_link(struct victims *victims, const struct fault *fault)
{
    return victims->topology.redis_links[fault->target];
}

static void slow_down(struct fault_proxy *link, uint64_t dice)
{
    if (dice % 2 == 0) {
        fault_proxy_delay(link, DELAY_MS);
    } else {
        fault_proxy_throttle(link, THROTTLE_BYTES_PER_S);
    }
}

/* New connections are refused or reset, and those there are end. */
static void refuse(struct fault_proxy *link, uint64_t dice)
{
    if (dice % 2 == 0) {
        fault_proxy_refuse(link);
    } else {
        fault_proxy_reset_new(link);
    }
    fault_proxy_reset(link);
}

/* In the middle of what is being said, as a network that goes down does it. */
static void cut(struct fault_proxy *link, uint64_t dice)
{
    fault_proxy_cut_after(link, dice % 4 == 0 ? FAULT_TO_SERVER : FAULT_TO_CLIENT,
                          1 + dice / 4 % CUT_BYTES_MAX);
}

static void half_close(struct fault_proxy *link, uint64_t dice)
{
    fault_proxy_half_close(link, dice % 2 == 0 ? FAULT_TO_SERVER : FAULT_TO_CLIENT);
}

static void spoil_commits(struct victims *victims, const struct fault *fault,
                          enum fault_commit kind)
{
    fault_proxy_commits(database_link(victims, fault),
                        &(struct fault_commits){.kind = kind,
                                                .every = 1 + (uint32_t)(fault->dice % EVERY_MAX),
                                                .hold_ms = LATE_MS});
}

/* COMMITs that are held go their way. */
static void let_commits_be(struct victims *victims, const struct fault *fault)
{
    fault_proxy_commits(database_link(victims, fault), NULL);
}

void fault_begin_database_silent(struct victims *victims, struct fault *fault)
{
    fault_proxy_silence(database_link(victims, fault));
}

void fault_end_database_silent(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(database_link(victims, fault));
}

void fault_begin_database_slow(struct victims *victims, struct fault *fault)
{
    slow_down(database_link(victims, fault), fault->dice);
}

void fault_end_database_slow(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(database_link(victims, fault));
}

void fault_begin_database_reset(struct victims *victims, struct fault *fault)
{
    fault_proxy_reset(database_link(victims, fault));
}

void fault_end_database_reset(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(database_link(victims, fault));
}

void fault_begin_database_refused(struct victims *victims, struct fault *fault)
{
    refuse(database_link(victims, fault), fault->dice);
}

void fault_end_database_refused(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(database_link(victims, fault));
}

void fault_begin_database_half_closed(struct victims *victims, struct fault *fault)
{
    half_close(database_link(victims, fault), fault->dice);
}

void fault_end_database_half_closed(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(database_link(victims, fault));
}

void fault_begin_database_cut(struct victims *victims, struct fault *fault)
{
    cut(database_link(victims, fault), fault->dice);
}

void fault_end_database_cut(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(database_link(victims, fault));
}

void fault_begin_redis_silent(struct victims *victims, struct fault *fault)
{
    fault_proxy_silence(redis_link(victims, fault));
}

void fault_end_redis_silent(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(redis_link(victims, fault));
}

void fault_begin_redis_slow(struct victims *victims, struct fault *fault)
{
    slow_down(redis_link(victims, fault), fault->dice);
}

void fault_end_redis_slow(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(redis_link(victims, fault));
}

void fault_begin_redis_reset(struct victims *victims, struct fault *fault)
{
    fault_proxy_reset(redis_link(victims, fault));
}

void fault_end_redis_reset(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(redis_link(victims, fault));
}

void fault_begin_redis_refused(struct victims *victims, struct fault *fault)
{
    refuse(redis_link(victims, fault), fault->dice);
}

void fault_end_redis_refused(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(redis_link(victims, fault));
}

void fault_begin_redis_half_closed(struct victims *victims, struct fault *fault)
{
    half_close(redis_link(victims, fault), fault->dice);
}

void fault_end_redis_half_closed(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(redis_link(victims, fault));
}

void fault_begin_redis_cut(struct victims *victims, struct fault *fault)
{
    cut(redis_link(victims, fault), fault->dice);
}

void fault_end_redis_cut(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(redis_link(victims, fault));
}

void fault_begin_eat_ok(struct victims *victims, struct fault *fault)
{
    spoil_commits(victims, fault, FAULT_EAT_OK);
}

void fault_end_eat_ok(struct victims *victims, struct fault *fault)
{
    let_commits_be(victims, fault);
}

void fault_begin_eat_commit(struct victims *victims, struct fault *fault)
{
    spoil_commits(victims, fault, FAULT_EAT_COMMIT);
}

void fault_end_eat_commit(struct victims *victims, struct fault *fault)
{
    let_commits_be(victims, fault);
}

void fault_begin_late_commit(struct victims *victims, struct fault *fault)
{
    spoil_commits(victims, fault, FAULT_LATE_COMMIT);
}

void fault_end_late_commit(struct victims *victims, struct fault *fault)
{
    let_commits_be(victims, fault);
}
