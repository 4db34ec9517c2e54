/* SPDX-License-Identifier: MIT */
#include "tests/support/fault_proxy.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/fault_link.h"
#include "tests/support/free_port.h"
#include "tests/support/wait_until.h"

enum {
    BACKLOG = 1024,
    LINKS_MAX = 1024, /* more wait to be accepted */
    START_TRIES = 10,
    IDLE_MS = 1000,
};

struct fault_proxy {
    pthread_t thread;
    pthread_mutex_t lock; /* of all below; not held while the thread waits */
    pthread_cond_t done;
    int listener;
    int wake_fd; /* an eventfd */
    uint16_t port;
    uint16_t server_port;
    enum fault_protocol protocol;
    bool listening;
    bool stopping;
    uint64_t asked; /* how often something was asked of the thread, and is done */
    uint64_t answered;
    bool resets;
    bool half_closes[2];
    struct fault_rules rules;
    struct fault_link *links;
    struct pollfd fds[2 + 2 * LINKS_MAX];
};

/* The socket stays bound all the time, so the port stays ours also while nobody listens. */
static void listen_or_not(struct fault_proxy *proxy)
{
    bool wanted = !proxy->rules.refusing;
    if (wanted && !proxy->listening) {
        proxy->listening = listen(proxy->listener, BACKLOG) == 0;
    } else if (!wanted && proxy->listening) {
        proxy->listening = shutdown(proxy->listener, SHUT_RD) != 0;
    }
}

static void accept_one(struct fault_proxy *proxy)
{
    int client = accept4(proxy->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) {
        return;
    }
    proxy->rules.counts.accepted++;
    if (proxy->rules.resets_new) {
        struct linger at_once = {.l_onoff = 1, .l_linger = 0};
        setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(client);
        proxy->rules.counts.resets++;
        return;
    }
    struct fault_link *link = fault_link_open(client, proxy->server_port, proxy->protocol);
    if (link != NULL) {
        link->next = proxy->links;
        proxy->links = link;
        proxy->rules.counts.open++;
    }
}

/* What was asked for once. */
static void obey(struct fault_proxy *proxy)
{
    for (struct fault_link *link = proxy->links; link != NULL; link = link->next) {
        if (link->late) {
            continue;
        }
        for (int way = 0; way < 2; way++) {
            if (proxy->half_closes[way] && !link->streams[way].shut) {
                fault_link_half_close(link, way);
                proxy->rules.counts.half_closes++;
            }
        }
        if (proxy->resets && !link->dead) {
            fault_link_reset(link);
            proxy->rules.counts.resets++;
        }
    }
    proxy->resets = false;
    proxy->half_closes[FAULT_TO_SERVER] = false;
    proxy->half_closes[FAULT_TO_CLIENT] = false;
}

static void remove_dead(struct fault_proxy *proxy, bool all)
{
    for (struct fault_link **at = &proxy->links; *at != NULL;) {
        struct fault_link *link = *at;
        if (all || link->dead) {
            *at = link->next;
            fault_link_destroy(link);
            proxy->rules.counts.open--;
        } else {
            at = &link->next;
        }
    }
}

/* What to wait for, in the order of the links; they are the same when the wait is over. Returns how
 * many there are. */
static nfds_t prepare(struct fault_proxy *proxy, int *timeout_ms)
{
    uint64_t now_ms = wait_now_ms();
    uint64_t wake_ms = now_ms + IDLE_MS;
    nfds_t count = 2;
    bool accepts = proxy->listening && !proxy->rules.silent && proxy->rules.counts.open < LINKS_MAX;
    proxy->fds[0] = (struct pollfd){.fd = proxy->wake_fd, .events = POLLIN};
    proxy->fds[1] = (struct pollfd){.fd = accepts ? proxy->listener : -1, .events = POLLIN};
    for (struct fault_link *link = proxy->links; link != NULL; link = link->next) {
        fault_link_prepare(link, &proxy->rules, &proxy->fds[count], now_ms, &wake_ms);
        count += 2;
    }
    *timeout_ms = wake_ms > now_ms ? (int)(wake_ms - now_ms) : 0;
    return count;
}

static void work(struct fault_proxy *proxy)
{
    uint64_t now_ms = wait_now_ms();
    const struct pollfd *fds = &proxy->fds[2];
    for (struct fault_link *link = proxy->links; link != NULL; link = link->next, fds += 2) {
        fault_link_work(link, &proxy->rules, fds, now_ms);
    }
    remove_dead(proxy, false);
    if (proxy->fds[1].revents != 0 && proxy->listening && !proxy->rules.silent) {
        accept_one(proxy);
    }
}

static void *run(void *arg)
{
    struct fault_proxy *proxy = arg;
    pthread_mutex_lock(&proxy->lock);
    while (!proxy->stopping) {
        int timeout_ms;
        nfds_t count = prepare(proxy, &timeout_ms);
        pthread_mutex_unlock(&proxy->lock);
        poll(proxy->fds, count, timeout_ms);
        pthread_mutex_lock(&proxy->lock);
        if (proxy->fds[0].revents != 0) {
            eventfd_t calls;
            eventfd_read(proxy->wake_fd, &calls);
        }
        listen_or_not(proxy);
        obey(proxy);
        work(proxy);
        proxy->answered = proxy->asked;
        pthread_cond_broadcast(&proxy->done);
    }
    remove_dead(proxy, true);
    pthread_mutex_unlock(&proxy->lock);
    return NULL;
}

static bool bind_to(struct fault_proxy *proxy, uint16_t port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static const int on = 1;
    proxy->port = port;
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* Or, listening again, it would be in the way of the connections it has accepted before. */
    if (proxy->listener >= 0 &&
        setsockopt(proxy->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(proxy->listener, (const struct sockaddr *)&address, sizeof address) == 0 &&
        listen(proxy->listener, BACKLOG) == 0) {
        return true;
    }
    close(proxy->listener);
    return false;
}

struct fault_proxy *fault_proxy_start(uint16_t server_port, enum fault_protocol protocol)
{
    struct fault_proxy *proxy = calloc(1, sizeof *proxy);
    cr_assert_not_null(proxy);
    proxy->server_port = server_port;
    proxy->protocol = protocol;
    proxy->listening = true;
    for (int i = 0; !bind_to(proxy, free_port()); i++) {
        cr_assert_lt(i, START_TRIES, "no port for a proxy: %m");
    }
    pthread_mutex_init(&proxy->lock, NULL);
    pthread_cond_init(&proxy->done, NULL);
    proxy->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    cr_assert_geq(proxy->wake_fd, 0, "%m");
    cr_assert_eq(pthread_create(&proxy->thread, NULL, run, proxy), 0);
    return proxy;
}

void fault_proxy_stop(struct fault_proxy *proxy)
{
    if (proxy == NULL) {
        return;
    }
    pthread_mutex_lock(&proxy->lock);
    proxy->stopping = true;
    pthread_mutex_unlock(&proxy->lock);
    eventfd_write(proxy->wake_fd, 1);
    pthread_join(proxy->thread, NULL);
    close(proxy->listener);
    close(proxy->wake_fd);
    pthread_cond_destroy(&proxy->done);
    pthread_mutex_destroy(&proxy->lock);
    free(proxy);
}

uint16_t fault_proxy_port(const struct fault_proxy *proxy)
{
    return proxy->port;
}

bool fault_proxy_url(const struct fault_proxy *proxy, const char *url, char *text, size_t size)
{
    char port[16];
    snprintf(port, sizeof port, ":%u/", (unsigned)proxy->server_port);
    const char *found = strstr(url, port);
    if (found == NULL) {
        return false;
    }
    const char *rest = found + strlen(port) - 1;
    const char *plain = proxy->protocol == FAULT_PLAIN ? ""
                        : strchr(rest, '?') != NULL    ? "&ssl=disabled"
                                                       : "?ssl=disabled";
    int len = snprintf(text, size, "%.*s:%u%s%s", (int)(found - url), url, (unsigned)proxy->port,
                       rest, plain);
    return len > 0 && (size_t)len < size;
}

static struct fault_rules *change(struct fault_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    return &proxy->rules;
}

/* Ends what `change` began, and waits until the thread goes by it. */
static void apply(struct fault_proxy *proxy)
{
    uint64_t asked = ++proxy->asked;
    eventfd_write(proxy->wake_fd, 1);
    while (proxy->answered < asked) {
        pthread_cond_wait(&proxy->done, &proxy->lock);
    }
    pthread_mutex_unlock(&proxy->lock);
}

void fault_proxy_pass(struct fault_proxy *proxy)
{
    struct fault_rules *rules = change(proxy);
    *rules = (struct fault_rules){.counts = rules->counts, .cut_number = rules->cut_number};
    apply(proxy);
}

void fault_proxy_delay(struct fault_proxy *proxy, uint32_t each_way_ms)
{
    change(proxy)->delay_ms = each_way_ms;
    apply(proxy);
}

void fault_proxy_throttle(struct fault_proxy *proxy, uint32_t bytes_per_s)
{
    change(proxy)->bytes_per_s = bytes_per_s;
    apply(proxy);
}

void fault_proxy_silence(struct fault_proxy *proxy)
{
    change(proxy)->silent = true;
    apply(proxy);
}

void fault_proxy_refuse(struct fault_proxy *proxy)
{
    change(proxy)->refusing = true;
    apply(proxy);
}

void fault_proxy_reset_new(struct fault_proxy *proxy)
{
    change(proxy)->resets_new = true;
    apply(proxy);
}

void fault_proxy_cut_after(struct fault_proxy *proxy, enum fault_way way, uint64_t bytes)
{
    struct fault_rules *rules = change(proxy);
    rules->cuts[way] = true;
    rules->cut_after[way] = bytes;
    rules->cut_number++;
    apply(proxy);
}

void fault_proxy_reset(struct fault_proxy *proxy)
{
    change(proxy);
    proxy->resets = true;
    apply(proxy);
}

void fault_proxy_half_close(struct fault_proxy *proxy, enum fault_way way)
{
    change(proxy);
    proxy->half_closes[way] = true;
    apply(proxy);
}

void fault_proxy_commits(struct fault_proxy *proxy, const struct fault_commits *commits)
{
    struct fault_rules *rules = change(proxy);
    rules->commits = commits != NULL ? *commits : (struct fault_commits){0};
    rules->commits_seen = 0;
    rules->commits_befallen = 0;
    apply(proxy);
}

struct fault_counts fault_proxy_counts(struct fault_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    struct fault_counts counts = proxy->rules.counts;
    pthread_mutex_unlock(&proxy->lock);
    return counts;
}
