/* SPDX-License-Identifier: MIT */
#include "tests/torture/interposer.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unwind.h>

#include "tests/torture/control.h"

enum { STACK_MAX = 48, OUTER_FRAMES = 2, PROGRAM_FRAMES = 3 };

/* Libraries whose calls count. Calls of other libraries, above all TLS, are not ours to repair. */
static const char *const modules[] = {"libmicrohttpd.so", "libhiredis.so", "libcjson.so",
                                      "libmariadb.so",    "libpq.so",      "libsqlite3.so",
                                      "liburiparser.so",  "libsodium.so"};

/* Libraries between a call and the code responsible for it. */
static const char *const between[] = {"libc.so", "ld-linux", "ld-musl"};

static struct torture_control *control;
static int (*program_main)(int, char **, char **);
static atomic_bool in_main;
/* True while the interposer runs: its own calls never fail. */
static _Thread_local bool inside __attribute__((tls_model("initial-exec")));

struct stack {
    uintptr_t addresses[STACK_MAX];
    size_t count;
};

void *interposer_find(const char *name)
{
    bool was_inside = inside;
    inside = true;
    void *found = dlsym(RTLD_NEXT, name);
    inside = was_inside;
    if (found == NULL) {
        abort();
    }
    return found;
}

static _Unwind_Reason_Code keep_address(struct _Unwind_Context *context, void *arg)
{
    struct stack *stack = arg;
    stack->addresses[stack->count] = _Unwind_GetIP(context);
    stack->count += stack->addresses[stack->count] != 0;
    return stack->count < STACK_MAX ? _URC_NO_REASON : _URC_END_OF_STACK;
}

/* The module's file name without its folder, "" for the program; NULL: in no module. */
static const char *find_module(uintptr_t address, uint64_t *offset)
{
    struct dl_find_object found;
    if (_dl_find_object((void *)address, &found) != 0) {
        return NULL;
    }
    const char *slash = strrchr(found.dlfo_link_map->l_name, '/');
    *offset = address - found.dlfo_link_map->l_addr;
    return slash != NULL ? slash + 1 : found.dlfo_link_map->l_name;
}

static bool is_among(const char *module, const char *const names[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strncmp(module, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return false;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3; /* FNV-1a */
    }
    return hash;
}

static void keep_frame(struct torture_site *site, const char *module, uint64_t offset,
                       uintptr_t address)
{
    Dl_info info = {.dli_sname = NULL};
    if (site->frame_count == TORTURE_FRAMES_MAX) {
        return;
    }
    struct torture_frame *frame = &site->frames[site->frame_count++];
    frame->offset = offset;
    snprintf(frame->module, sizeof frame->module, "%s", module);
    if (*module != '\0' && dladdr((void *)address, &info) != 0 && info.dli_sname != NULL) {
        snprintf(frame->symbol, sizeof frame->symbol, "%s", info.dli_sname);
    }
}

/*
 * A site is the call, its nearest callers, and the nearest places in the program. So a library's
 * allocation counts once for each call of the program that leads to it, and a loop counts once.
 * False: the call is not made by the program or by one of its libraries.
 */
static bool describe(struct torture_site *site, const char *call, uintptr_t return_address)
{
    struct stack stack = {.count = 0};
    _Unwind_Backtrace(keep_address, &stack);
    size_t at = 0;
    while (at < stack.count && stack.addresses[at] != return_address) {
        at++; /* the interposer's own */
    }
    snprintf(site->call, sizeof site->call, "%s", call);
    site->key = mix(0xcbf29ce484222325, call, strlen(call));
    size_t outer = 0;
    size_t in_program = 0;
    bool blamed = false;
    for (; at < stack.count; at++) {
        uint64_t offset = 0;
        const char *module = find_module(stack.addresses[at], &offset);
        if (module == NULL) {
            break;
        }
        bool is_program = *module == '\0';
        if (!blamed && !is_among(module, between, sizeof between / sizeof between[0])) {
            blamed = true;
            if (!is_program && !is_among(module, modules, sizeof modules / sizeof modules[0])) {
                return false;
            }
        }
        if (outer < OUTER_FRAMES || (is_program && in_program < PROGRAM_FRAMES)) {
            site->key = mix(site->key, module, strlen(module));
            site->key = mix(site->key, &offset, sizeof offset);
        }
        outer++;
        in_program += is_program;
        keep_frame(site, module, offset, stack.addresses[at]);
    }
    return blamed;
}

static void record(const struct torture_site *site)
{
    while (atomic_flag_test_and_set(&control->lock)) {
    }
    uint32_t at = 0;
    while (at < control->site_count && control->sites[at].key != site->key) {
        at++;
    }
    if (at == TORTURE_SITES_MAX) {
        control->lost++;
    } else if (at == control->site_count) {
        control->sites[at] = *site;
        control->sites[at].count = 1;
        control->site_count++;
    } else {
        control->sites[at].count++;
    }
    atomic_flag_clear(&control->lock);
}

static bool look_at(int mode, const char *call, const void *return_address)
{
    struct torture_site site = {.key = 0};
    if (!describe(&site, call, (uintptr_t)return_address)) {
        return false;
    }
    if (mode == TORTURE_RECORD) {
        record(&site);
        return false;
    }
    return site.key == control->key && atomic_exchange(&control->fired, 1) == 0;
}

bool interposer_fails(const char *call, const void *return_address)
{
    if (inside || control == NULL || !atomic_load(&in_main)) {
        return false;
    }
    int mode = atomic_load(&control->mode);
    if (mode == TORTURE_OFF || (mode == TORTURE_FAIL && atomic_load(&control->fired) != 0)) {
        return false;
    }
    int error = errno;
    inside = true;
    bool fails = look_at(mode, call, return_address);
    inside = false;
    errno = error;
    return fails;
}

bool interposer_fails_program(const char *call, const void *return_address)
{
    uint64_t offset;
    const char *module = find_module((uintptr_t)return_address, &offset);
    return module != NULL && *module == '\0' && interposer_fails(call, return_address);
}

static void map_control(void)
{
    const char *path = getenv(TORTURE_CONTROL_VARIABLE);
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) {
        return;
    }
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    control = mapped != MAP_FAILED ? mapped : NULL;
}

static int interposed_main(int argc, char *argv[], char *environment[])
{
    inside = true;
    map_control();
    inside = false;
    atomic_store(&in_main, true);
    int code = program_main(argc, argv, environment);
    atomic_store(&in_main, false);
    return code;
}

/* Calls of libraries before main, and of sanitizers after it, do not count. */
int __libc_start_main(int (*entry)(int, char **, char **), int argc, char **argv,
                      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
                      void *stack_end);

int __libc_start_main(int (*entry)(int, char **, char **), int argc, char **argv,
                      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
                      void *stack_end)
{
    static __typeof__(&__libc_start_main) real;
    program_main = entry;
    *(void **)&real = interposer_find("__libc_start_main");
    return real(interposed_main, argc, argv, init, fini, rtld_fini, stack_end);
}
