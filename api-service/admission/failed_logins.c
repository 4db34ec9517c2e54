/* SPDX-License-Identifier: MIT */
#include "api-service/admission/failed_logins.h"

#include <assert.h>
#include <string.h>

/* The place of an address that had its line a minute ago and was silent since. NULL: none. */
static struct failed_logins_entry *find_silent(struct failed_logins *logins, uint64_t now_ms)
{
    struct failed_logins_entry *oldest = NULL;
    for (size_t i = 0; i < logins->address_count; i++) {
        struct failed_logins_entry *entry = &logins->entries[i];
        bool is_silent = entry->count == 0 && entry->due_ms <= now_ms;
        if (is_silent && (oldest == NULL || entry->due_ms < oldest->due_ms)) {
            oldest = entry;
        }
    }
    return oldest;
}

static struct failed_logins_entry *find(struct failed_logins *logins, const char *address,
                                        uint64_t now_ms)
{
    for (size_t i = 0; i < logins->address_count; i++) {
        if (strcmp(logins->entries[i].address, address) == 0) {
            return &logins->entries[i];
        }
    }
    struct failed_logins_entry *place = logins->address_count < FAILED_LOGINS_ADDRESSES_MAX
                                            ? &logins->entries[logins->address_count++]
                                            : find_silent(logins, now_ms);
    if (place == NULL) {
        strcpy(logins->others.address, FAILED_LOGINS_OTHERS);
        return &logins->others;
    }
    *place = (struct failed_logins_entry){.due_ms = now_ms};
    strcpy(place->address, address);
    return place;
}

bool failed_logins_add(struct failed_logins *logins, const char *address, const char *client,
                       uint64_t now_ms)
{
    assert(strlen(address) < HTTP_PEER_SIZE);
    struct failed_logins_entry *entry = find(logins, address, now_ms);
    entry->client = client != NULL ? client : entry->client;
    return entry->count++ == 0;
}

static bool take(struct failed_logins_entry *entry, uint64_t now_ms,
                 struct failed_logins_entry *line)
{
    if (entry->count == 0 || entry->due_ms > now_ms) {
        return false;
    }
    *line = *entry;
    entry->count = 0;
    entry->client = NULL;
    entry->due_ms = now_ms + FAILED_LOGINS_LINE_MS;
    return true;
}

bool failed_logins_take(struct failed_logins *logins, uint64_t now_ms,
                        struct failed_logins_entry *line)
{
    for (size_t i = 0; i < logins->address_count; i++) {
        if (take(&logins->entries[i], now_ms, line)) {
            return true;
        }
    }
    return take(&logins->others, now_ms, line);
}

uint64_t failed_logins_due_ms(const struct failed_logins *logins)
{
    uint64_t due_ms = logins->others.count > 0 ? logins->others.due_ms : UINT64_MAX;
    for (size_t i = 0; i < logins->address_count; i++) {
        const struct failed_logins_entry *entry = &logins->entries[i];
        if (entry->count > 0 && entry->due_ms < due_ms) {
            due_ms = entry->due_ms;
        }
    }
    return due_ms;
}
