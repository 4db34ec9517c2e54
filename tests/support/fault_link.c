/* SPDX-License-Identifier: MIT */
#include "tests/support/fault_link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_BYTES = 16384,
    QUEUED_MAX = 1 << 20, /* of one way; then its sender has to wait */
    THROTTLED_MS = 20,    /* how much at once: what may go in this time */
};

struct fault_chunk {
    struct fault_chunk *next;
    uint64_t due_ms;
    size_t len;
    size_t written;
    uint8_t bytes[];
};

static void close_end(struct fault_link *link, size_t end)
{
    if (link->fds[end] >= 0) {
        close(link->fds[end]);
        link->fds[end] = -1;
    }
}

static void reset_end(struct fault_link *link, size_t end)
{
    static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (link->fds[end] >= 0) {
        setsockopt(link->fds[end], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    close_end(link, end);
}

void fault_link_reset(struct fault_link *link)
{
    reset_end(link, FAULT_CLIENT);
    reset_end(link, FAULT_SERVER);
    link->dead = true;
}

struct fault_link *fault_link_open(int client, uint16_t server_port, enum fault_protocol protocol)
{
    static const int on = 1;
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(server_port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct fault_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        close(client);
        return NULL;
    }
    link->wire.protocol = protocol;
    link->fds[FAULT_CLIENT] = client;
    link->fds[FAULT_SERVER] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool good = link->fds[FAULT_SERVER] >= 0;
    for (size_t i = 0; i < 2 && protocol != FAULT_PLAIN; i++) {
        link->streams[i].untaken = malloc(FAULT_WIRE_MAX + READ_BYTES);
        good = good && link->streams[i].untaken != NULL;
    }
    if (good &&
        connect(link->fds[FAULT_SERVER], (const struct sockaddr *)&address, sizeof address) != 0) {
        link->connecting = errno == EINPROGRESS;
        good = link->connecting;
    }
    if (!good) {
        fault_link_reset(link);
        fault_link_destroy(link);
        return NULL;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(link->fds[FAULT_SERVER], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return link;
}

static void drop_chunk(struct fault_stream *stream)
{
    struct fault_chunk *chunk = stream->first;
    stream->first = chunk->next;
    if (stream->first == NULL) {
        stream->last = NULL;
    }
    stream->queued -= chunk->len;
    free(chunk);
}

static void drop_all(struct fault_stream *stream)
{
    while (stream->first != NULL) {
        drop_chunk(stream);
    }
    stream->untaken_len = 0;
}

void fault_link_destroy(struct fault_link *link)
{
    for (size_t i = 0; i < 2; i++) {
        drop_all(&link->streams[i]);
        free(link->streams[i].untaken);
        close_end(link, i);
    }
    free(link);
}

/* The reader of that way gets the end of the stream, and its sender is not heard any more. */
static void shut(struct fault_link *link, enum fault_way way)
{
    struct fault_stream *stream = &link->streams[way];
    stream->ended = true;
    stream->shut = true;
    if (link->fds[1 - way] >= 0) {
        shutdown(link->fds[1 - way], SHUT_WR);
    }
    link->dead = link->dead || link->streams[1 - way].shut;
}

void fault_link_half_close(struct fault_link *link, enum fault_way way)
{
    drop_all(&link->streams[way]);
    shut(link, way);
}

/* The other end learns of it as it was: with a reset, or having read all that came before. */
static void lose_end(struct fault_link *link, struct fault_rules *rules)
{
    if (link->late) {
        rules->counts.late_lost++;
    }
    fault_link_reset(link);
}

static void queue_bytes(struct fault_link *link, enum fault_way way, const uint8_t *bytes,
                        size_t len, uint64_t due_ms)
{
    struct fault_stream *stream = &link->streams[way];
    struct fault_chunk *chunk = malloc(sizeof *chunk + len);
    if (chunk == NULL) {
        abort(); /* of a test's process */
    }
    chunk->next = NULL;
    chunk->due_ms = due_ms;
    chunk->len = len;
    chunk->written = 0;
    memcpy(chunk->bytes, bytes, len);
    if (stream->last != NULL) {
        stream->last->next = chunk;
    } else {
        stream->first = chunk;
    }
    stream->last = chunk;
    stream->queued += len;
}

/* Whether a fault is to happen to this COMMIT, and which. */
static enum fault_commit choose(struct fault_rules *rules)
{
    const struct fault_commits *commits = &rules->commits;
    rules->counts.commits++;
    if (commits->kind == FAULT_COMMIT_NONE ||
        (commits->count != 0 && rules->commits_befallen == commits->count) ||
        (commits->every > 1 && ++rules->commits_seen % commits->every != 0)) {
        return FAULT_COMMIT_NONE;
    }
    rules->commits_befallen++;
    return commits->kind;
}

/* The client is gone, and what it has sent goes on when its time has come. */
static void become_late(struct fault_link *link, struct fault_rules *rules)
{
    rules->counts.late_commits++;
    link->holds = false;
    link->late = true;
    reset_end(link, FAULT_CLIENT);
    link->streams[FAULT_TO_SERVER].ended = true;
    drop_all(&link->streams[FAULT_TO_CLIENT]);
}

static void pass_from_client(struct fault_link *link, struct fault_rules *rules,
                             const uint8_t *bytes, struct fault_piece piece, uint64_t now_ms)
{
    rules->counts.commands += piece.begins_command;
    if (piece.begins_commit) {
        enum fault_commit kind = choose(rules);
        if (kind == FAULT_EAT_COMMIT) {
            rules->counts.eaten_commits++;
            fault_link_reset(link);
            return;
        }
        link->eats_answer = kind == FAULT_EAT_OK;
        link->holds = kind == FAULT_LATE_COMMIT;
    }
    uint64_t later_ms = link->holds ? rules->commits.hold_ms : rules->delay_ms;
    queue_bytes(link, FAULT_TO_SERVER, bytes, piece.len, now_ms + later_ms);
    if (link->holds && piece.ends_commit) {
        become_late(link, rules);
    }
}

static void pass_from_server(struct fault_link *link, struct fault_rules *rules,
                             const uint8_t *bytes, struct fault_piece piece, uint64_t now_ms)
{
    if (link->late || link->eats_answer) {
        if (piece.ends_answer && (link->delivered || link->eats_answer)) {
            *(link->late ? &rules->counts.late_answered : &rules->counts.eaten_oks) += 1;
            reset_end(link, FAULT_CLIENT);
            link->dead = true;
        }
        return;
    }
    queue_bytes(link, FAULT_TO_CLIENT, bytes, piece.len, now_ms + rules->delay_ms);
}

/* Takes from what was read all that is whole. */
static void take_pieces(struct fault_link *link, enum fault_way way, struct fault_rules *rules,
                        uint8_t *bytes, size_t len, uint64_t now_ms)
{
    struct fault_stream *stream = &link->streams[way];
    size_t taken = 0;
    while (!link->dead && !(link->late && way == FAULT_TO_SERVER)) {
        struct fault_piece piece =
            way == FAULT_TO_SERVER
                ? fault_wire_from_client(&link->wire, bytes + taken, len - taken)
                : fault_wire_from_server(&link->wire, bytes + taken, len - taken);
        if (piece.len == 0) {
            break;
        }
        (way == FAULT_TO_SERVER ? pass_from_client : pass_from_server)(link, rules, bytes + taken,
                                                                       piece, now_ms);
        taken += piece.len;
    }
    if (stream->untaken != NULL) {
        memmove(bytes, bytes + taken, len - taken);
        stream->untaken_len = len - taken;
    }
}

static void read_end(struct fault_link *link, enum fault_way way, struct fault_rules *rules,
                     uint64_t now_ms)
{
    struct fault_stream *stream = &link->streams[way];
    uint8_t plain[READ_BYTES];
    uint8_t *into = stream->untaken != NULL ? stream->untaken : plain;
    ssize_t got = recv(link->fds[way], into + stream->untaken_len, READ_BYTES, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got < 0 || (got == 0 && (link->late || link->eats_answer))) {
        lose_end(link, rules);
    } else if (got == 0) {
        stream->ended = true;
    } else {
        take_pieces(link, way, rules, into, stream->untaken_len + (size_t)got, now_ms);
    }
}

/* How much of the first chunk may go out now. */
static size_t allowance(struct fault_link *link, enum fault_way way, struct fault_rules *rules)
{
    struct fault_stream *stream = &link->streams[way];
    size_t len = stream->first->len - stream->first->written;
    if (rules->bytes_per_s != 0) {
        size_t at_once = (size_t)rules->bytes_per_s * THROTTLED_MS / 1000 + 1;
        len = len < at_once ? len : at_once;
    }
    if (rules->cuts[way]) {
        if (stream->cut_number != rules->cut_number) {
            stream->cut_number = rules->cut_number;
            stream->cut_left = rules->cut_after[way];
        }
        len = len < stream->cut_left ? len : (size_t)stream->cut_left;
    }
    return len;
}

/* False: no more now. */
static bool write_some(struct fault_link *link, enum fault_way way, struct fault_rules *rules,
                       uint64_t now_ms)
{
    struct fault_stream *stream = &link->streams[way];
    struct fault_chunk *chunk = stream->first;
    size_t len = allowance(link, way, rules);
    if (len == 0) {
        rules->counts.cuts++;
        fault_link_reset(link);
        return false;
    }
    ssize_t sent = send(link->fds[1 - way], chunk->bytes + chunk->written, len, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            lose_end(link, rules);
        }
        return false;
    }
    chunk->written += (size_t)sent;
    stream->cut_left -= rules->cuts[way] ? (uint64_t)sent : 0;
    rules->counts.bytes[way] += (uint64_t)sent;
    if (rules->bytes_per_s != 0) {
        stream->free_at_ms = now_ms + (uint64_t)sent * 1000 / rules->bytes_per_s;
    }
    if (chunk->written == chunk->len) {
        drop_chunk(stream);
    }
    return true;
}

static bool may_write(const struct fault_link *link, enum fault_way way, uint64_t now_ms)
{
    const struct fault_stream *stream = &link->streams[way];
    return !link->dead && !link->connecting && stream->first != NULL &&
           stream->first->due_ms <= now_ms && stream->free_at_ms <= now_ms;
}

static void write_end(struct fault_link *link, enum fault_way way, struct fault_rules *rules,
                      uint64_t now_ms)
{
    struct fault_stream *stream = &link->streams[way];
    while (may_write(link, way, now_ms) && write_some(link, way, rules, now_ms)) {
    }
    if (link->dead || stream->first != NULL || link->connecting) {
        return;
    }
    if (link->late && way == FAULT_TO_SERVER) {
        link->delivered = true;
    } else if (stream->ended && !stream->shut && !link->late) {
        shut(link, way);
    }
}

static bool wants_to_read(const struct fault_link *link, enum fault_way way)
{
    const struct fault_stream *stream = &link->streams[way];
    return link->fds[way] >= 0 && !stream->ended && stream->queued < QUEUED_MAX &&
           !(link->connecting && way == FAULT_TO_CLIENT);
}

/* A socket that nothing is wanted of is left out, or its end would be reported again and again. */
void fault_link_prepare(struct fault_link *link, const struct fault_rules *rules,
                        struct pollfd fds[2], uint64_t now_ms, uint64_t *wake_ms)
{
    for (int way = 0; way < 2; way++) {
        fds[way] = (struct pollfd){.fd = -1};
    }
    for (int way = 0; way < 2 && !rules->silent; way++) {
        const struct fault_stream *stream = &link->streams[way];
        if (wants_to_read(link, way)) {
            fds[way].fd = link->fds[way];
            fds[way].events |= POLLIN;
        }
        bool connects = link->connecting && way == FAULT_TO_SERVER;
        if (connects || may_write(link, way, now_ms)) {
            fds[1 - way].fd = link->fds[1 - way];
            fds[1 - way].events |= POLLOUT;
        } else if (stream->first != NULL) {
            uint64_t due_ms = stream->first->due_ms > stream->free_at_ms ? stream->first->due_ms
                                                                         : stream->free_at_ms;
            *wake_ms = due_ms < *wake_ms ? due_ms : *wake_ms;
        }
    }
}

static void finish_connecting(struct fault_link *link)
{
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(link->fds[FAULT_SERVER], SOL_SOCKET, SO_ERROR, &error, &len);
    link->connecting = false;
    if (error != 0) {
        fault_link_reset(link);
    }
}

void fault_link_work(struct fault_link *link, struct fault_rules *rules, const struct pollfd fds[2],
                     uint64_t now_ms)
{
    if (rules->silent) {
        return;
    }
    if (link->connecting && fds[FAULT_SERVER].revents != 0) {
        finish_connecting(link);
    }
    for (int way = 0; way < 2; way++) {
        if (!link->dead && wants_to_read(link, way) &&
            (fds[way].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            read_end(link, way, rules, now_ms);
        }
    }
    for (int way = 0; way < 2 && !link->dead; way++) {
        write_end(link, way, rules, now_ms);
    }
}
