/* SPDX-License-Identifier: MIT */
#include "common/base/outage.h"

/* Of the causes that have had their line for long, one is forgotten for a new one. NULL: none has.
 */
static struct outage_cause *make_room(struct outage *outage, uint64_t now_ms)
{
    if (outage->cause_count < OUTAGE_CAUSES_MAX) {
        return &outage->causes[outage->cause_count++];
    }
    struct outage_cause *oldest = &outage->causes[0];
    for (size_t i = 1; i < OUTAGE_CAUSES_MAX; i++) {
        if (outage->causes[i].line_ms < oldest->line_ms) {
            oldest = &outage->causes[i];
        }
    }
    return oldest->line_ms + OUTAGE_LINE_MS <= now_ms ? oldest : NULL;
}

static struct outage_cause *find(struct outage *outage, uint32_t key)
{
    for (size_t i = 0; i < outage->cause_count; i++) {
        if (outage->causes[i].key == key) {
            return &outage->causes[i];
        }
    }
    return NULL;
}

bool outage_failed(struct outage *outage, uint32_t key, uint64_t now_ms, uint64_t *repeated)
{
    struct outage_cause *cause = find(outage, key);
    *repeated = cause != NULL ? cause->repeated : 0;
    bool is_due = cause == NULL || cause->line_ms + OUTAGE_LINE_MS <= now_ms;
    if (cause == NULL) {
        cause = make_room(outage, now_ms);
        is_due = cause != NULL;
    }
    /* A known cause that comes back without a line was said to be over already, or will be soon. */
    outage->is_mixed = outage->is_mixed || (!outage->is_open && !is_due);
    outage->is_open = true;
    outage->failed_ms = now_ms;
    if (is_due) {
        *cause = (struct outage_cause){.key = key, .line_ms = now_ms};
    } else if (cause != NULL) {
        cause->repeated++;
    }
    return is_due;
}

bool outage_worked(struct outage *outage, uint64_t now_ms)
{
    if (!outage->is_open || (outage->is_mixed && outage->failed_ms + OUTAGE_QUIET_MS > now_ms)) {
        return false;
    }
    outage->is_open = false;
    outage->is_mixed = false;
    return true;
}

uint32_t outage_key(const char *text)
{
    uint32_t hash = 2166136261U;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * 16777619U;
    }
    return hash;
}
