/* SPDX-License-Identifier: MIT */
#include "tests/chaos/faults.h"

enum {
    LATE_MS = 1000,
    TOO_LATE_MS = 3000,
    DELAY_MS = 40,
    THROTTLE_BYTES_PER_S = 20000,
    CUT_BYTES_MAX = 4000,
    REDIS_CUT_BYTES_MAX = 100, /* it has less to say: ":1" for a hint */
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

/* Somebody is connected who waits for an answer, or will. */
static void silence(struct fault_proxy *link, struct fault *fault)
{
    fault_proxy_silence(link);
    fault_count_to(fault, fault_proxy_counts(link).open);
}

static uint64_t bytes_of(struct fault_proxy *link)
{
    struct fault_counts counts = fault_proxy_counts(link);
    return counts.bytes[FAULT_TO_SERVER] + counts.bytes[FAULT_TO_CLIENT];
}

static void slow_down(struct fault_proxy *link, struct fault *fault)
{
    uint64_t dice = fault->dice;
    fault_count_from(fault, bytes_of(link));
    if (dice % 2 == 0) {
        fault_proxy_delay(link, DELAY_MS);
    } else {
        fault_proxy_throttle(link, THROTTLE_BYTES_PER_S);
    }
}

static void speed_up(struct fault_proxy *link, struct fault *fault)
{
    fault_count_to(fault, bytes_of(link));
    fault_proxy_pass(link);
}

static void reset(struct fault_proxy *link, struct fault *fault)
{
    fault_count_from(fault, fault_proxy_counts(link).resets);
    fault_proxy_reset(link);
    fault_count_to(fault, fault_proxy_counts(link).resets);
}

/* New connections are refused or reset, and those there are end. */
static void refuse(struct fault_proxy *link, struct fault *fault)
{
    if (fault->dice % 2 == 0) {
        fault_proxy_refuse(link);
    } else {
        fault_proxy_reset_new(link);
    }
    reset(link, fault);
}

/* In the middle of what is being said, as a network that goes down does it. */
static void cut(struct fault_proxy *link, struct fault *fault, uint64_t bytes_max)
{
    uint64_t dice = fault->dice;
    fault_count_from(fault, fault_proxy_counts(link).cuts);
    fault_proxy_cut_after(link, dice % 4 == 0 ? FAULT_TO_SERVER : FAULT_TO_CLIENT,
                          1 + dice / 4 % bytes_max);
}

static void end_cut(struct fault_proxy *link, struct fault *fault)
{
    fault_count_to(fault, fault_proxy_counts(link).cuts);
    fault_proxy_pass(link);
}

static void half_close(struct fault_proxy *link, struct fault *fault)
{
    fault_count_from(fault, fault_proxy_counts(link).half_closes);
    fault_proxy_half_close(link, fault->dice % 2 == 0 ? FAULT_TO_SERVER : FAULT_TO_CLIENT);
    fault_count_to(fault, fault_proxy_counts(link).half_closes);
}

/* Those of the three kinds; only one of them is under way on a link. */
static uint64_t spoilt_commits(struct fault_proxy *link)
{
    struct fault_counts counts = fault_proxy_counts(link);
    return counts.eaten_oks + counts.eaten_commits + counts.late_commits;
}

static void spoil_commits(struct victims *victims, struct fault *fault, enum fault_commit kind,
                          uint32_t hold_ms)
{
    fault_count_from(fault, spoilt_commits(database_link(victims, fault)));
    fault_proxy_commits(database_link(victims, fault),
                        &(struct fault_commits){.kind = kind,
                                                .every = 1 + (uint32_t)(fault->dice % EVERY_MAX),
                                                .hold_ms = hold_ms});
}

/* COMMITs that are held go their way. */
static void let_commits_be(struct victims *victims, struct fault *fault)
{
    fault_count_to(fault, spoilt_commits(database_link(victims, fault)));
    fault_proxy_commits(database_link(victims, fault), NULL);
}

void fault_begin_database_silent(struct victims *victims, struct fault *fault)
{
    silence(database_link(victims, fault), fault);
}

void fault_end_database_silent(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(database_link(victims, fault));
}

void fault_begin_database_slow(struct victims *victims, struct fault *fault)
{
    slow_down(database_link(victims, fault), fault);
}

void fault_end_database_slow(struct victims *victims, struct fault *fault)
{
    speed_up(database_link(victims, fault), fault);
}

void fault_begin_database_reset(struct victims *victims, struct fault *fault)
{
    reset(database_link(victims, fault), fault);
}

void fault_end_database_reset(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(database_link(victims, fault));
}

void fault_begin_database_refused(struct victims *victims, struct fault *fault)
{
    refuse(database_link(victims, fault), fault);
}

void fault_end_database_refused(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(database_link(victims, fault));
}

void fault_begin_database_half_closed(struct victims *victims, struct fault *fault)
{
    half_close(database_link(victims, fault), fault);
}

void fault_end_database_half_closed(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(database_link(victims, fault));
}

void fault_begin_database_cut(struct victims *victims, struct fault *fault)
{
    cut(database_link(victims, fault), fault, CUT_BYTES_MAX);
}

void fault_end_database_cut(struct victims *victims, struct fault *fault)
{
    end_cut(database_link(victims, fault), fault);
}

void fault_begin_redis_silent(struct victims *victims, struct fault *fault)
{
    silence(redis_link(victims, fault), fault);
}

void fault_end_redis_silent(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(redis_link(victims, fault));
}

void fault_begin_redis_slow(struct victims *victims, struct fault *fault)
{
    slow_down(redis_link(victims, fault), fault);
}

void fault_end_redis_slow(struct victims *victims, struct fault *fault)
{
    speed_up(redis_link(victims, fault), fault);
}

void fault_begin_redis_reset(struct victims *victims, struct fault *fault)
{
    reset(redis_link(victims, fault), fault);
}

void fault_end_redis_reset(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(redis_link(victims, fault));
}

void fault_begin_redis_refused(struct victims *victims, struct fault *fault)
{
    refuse(redis_link(victims, fault), fault);
}

void fault_end_redis_refused(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(redis_link(victims, fault));
}

void fault_begin_redis_half_closed(struct victims *victims, struct fault *fault)
{
    half_close(redis_link(victims, fault), fault);
}

void fault_end_redis_half_closed(struct victims *victims, struct fault *fault)
{
    fault_proxy_pass(redis_link(victims, fault));
}

void fault_begin_redis_cut(struct victims *victims, struct fault *fault)
{
    cut(redis_link(victims, fault), fault, REDIS_CUT_BYTES_MAX);
}

void fault_end_redis_cut(struct victims *victims, struct fault *fault)
{
    end_cut(redis_link(victims, fault), fault);
}

void fault_begin_eat_ok(struct victims *victims, struct fault *fault)
{
    spoil_commits(victims, fault, FAULT_EAT_OK, 0);
}

void fault_end_eat_ok(struct victims *victims, struct fault *fault)
{
    let_commits_be(victims, fault);
}

void fault_begin_eat_commit(struct victims *victims, struct fault *fault)
{
    spoil_commits(victims, fault, FAULT_EAT_COMMIT, 0);
}

void fault_end_eat_commit(struct victims *victims, struct fault *fault)
{
    let_commits_be(victims, fault);
}

void fault_begin_late_commit(struct victims *victims, struct fault *fault)
{
    spoil_commits(victims, fault, FAULT_LATE_COMMIT, LATE_MS);
}

void fault_end_late_commit(struct victims *victims, struct fault *fault)
{
    let_commits_be(victims, fault);
}

/* By then the server has given up the transaction, which was idle, and with it the locks. */
void fault_begin_lost_commit(struct victims *victims, struct fault *fault)
{
    spoil_commits(victims, fault, FAULT_LATE_COMMIT, TOO_LATE_MS);
}

void fault_end_lost_commit(struct victims *victims, struct fault *fault)
{
    let_commits_be(victims, fault);
}
