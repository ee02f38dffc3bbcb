/* A libnvidia-ml.so.1 whose GPUs follow analytic waveforms.
 *
 * It reads the file named in EFFMETER_FAKE_NVML at every call (see __init__.py, which writes it
 * by renaming), so faults and the clock can be changed while a program uses it. Like the real
 * library it may be called from several threads at once: each call has a snapshot of its own.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "machine.h"

static atomic_int initialised;

/* A handle is the GPU's number, from 1; of a MIG instance, its number stands above that. */
enum { INSTANCE_BITS = 8 };

/* Finds a GPU and answers the fault, if any, that stands before everything else. */
static int find(const void *handle, Machine *machine, Gpu **gpu) {
    size_t number = (size_t)handle & ((1 << INSTANCE_BITS) - 1);
    int code = read_machine(machine);
    if (!initialised) return UNINITIALIZED;
    if (code) return code;
    if (number < 1 || number > (size_t)machine->gpu_count) return INVALID_ARGUMENT;
    *gpu = &machine->gpus[number - 1];
    return fault_now(&(*gpu)->lost, machine->now_ns);
}

int nvmlInitWithFlags(unsigned int flags) {
    Machine machine;
    int code = read_machine(&machine);
    (void)flags;
    if (!code) initialised++;
    return code;
}

int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

int nvmlShutdown(void) {
    int before = initialised;
    while (before > 0 && !atomic_compare_exchange_weak(&initialised, &before, before - 1)) {}
    return before > 0 ? SUCCESS : UNINITIALIZED;
}

const char *nvmlErrorString(int code) {
    return code == SUCCESS ? "Success" : "an error of the simulated library";
}

int nvmlSystemGetDriverVersion(char *text, unsigned int length) {
    snprintf(text, length, "550.54.15");
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned int *count) {
    Machine machine;
    int code = read_machine(&machine);
    if (!initialised) return UNINITIALIZED;
    *count = machine.gpu_count;
    return code;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) {
    Machine machine;
    Gpu *gpu;
    *handle = (void *)((size_t)index + 1);
    return find(*handle, &machine, &gpu);
}

int nvmlDeviceGetName(void *handle, char *text, unsigned int length) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (!code) snprintf(text, length, "%s", gpu->name);
    return code;
}

int nvmlDeviceGetUUID(void *handle, char *text, unsigned int length) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    size_t instance = (size_t)handle >> INSTANCE_BITS;
    if (!code) snprintf(text, length, "%s", instance ? gpu->instances[instance - 1] : gpu->uuid);
    return code;
}

int nvmlDeviceGetArchitecture(void *handle, unsigned int *architecture) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (!code) *architecture = gpu->architecture;
    return code;
}

int nvmlDeviceGetCudaComputeCapability(void *handle, int *major, int *minor) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (!code) *major = (int)gpu->major, *minor = (int)gpu->minor;
    return code;
}

int nvmlDeviceGetPowerManagementLimitConstraints(void *handle, unsigned int *least,
                                                 unsigned int *most) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (code) return code;
    if (!gpu->limit_mw) return NOT_SUPPORTED;
    *least = gpu->limit_mw / 4;
    *most = gpu->limit_mw;
    return SUCCESS;
}

int nvmlDeviceGetTotalEnergyConsumption(void *handle, unsigned long long *energy_mj) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (!code) code = fault_now(&gpu->energy, machine.now_ns);
    if (!code) *energy_mj = counted_mj(&machine, gpu);
    return code;
}

int nvmlDeviceGetPowerUsage(void *handle, unsigned int *power_mw) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (!code) code = fault_now(&gpu->power, machine.now_ns);
    if (!code)
        *power_mw = (unsigned int)(averaged_mw(&machine, &gpu->waveform, gpu->window_s) + 0.5);
    return code;
}

typedef struct {
    unsigned int id, scope;
    long long timestamp_us, latency_us;
    int type, code;
    union {
        double as_double;
        unsigned int as_uint;
        unsigned long as_ulong;
        unsigned long long as_ulonglong;
        long long as_longlong;
        int as_int;
        unsigned short as_ushort;
    } value;
} FieldValue;

static void put(FieldValue *shown, double value) {
    switch (shown->type) {
    case 0: shown->value.as_double = value; break;
    case 1: shown->value.as_uint = (unsigned int)(value + 0.5); break;
    case 2: shown->value.as_ulong = (unsigned long)(value + 0.5); break;
    case 3: shown->value.as_ulonglong = (unsigned long long)(value + 0.5); break;
    case 4: shown->value.as_longlong = (long long)(value + 0.5); break;
    case 5: shown->value.as_int = (int)(value + 0.5); break;
    case 6: shown->value.as_ushort = (unsigned short)(value + 0.5); break;
    default: shown->value.as_ulonglong = ~0ULL;
    }
}

static void show_field(const Machine *machine, const Gpu *gpu, FieldValue *shown) {
    const Field *field = gpu->fields, *end = field + gpu->field_count;
    while (field < end && (field->id != shown->id || field->scope != shown->scope)) field++;
    shown->code = field == end ? NOT_SUPPORTED : fault_now(&field->fault, machine->now_ns);
    if (shown->code) return;
    shown->type = field->type;
    if (field->id == 83) put(shown, (double)counted_mj(machine, gpu));
    else put(shown, averaged_mw(machine, &gpu->waveform, field->window_s) * field->share);
}

int nvmlDeviceGetFieldValues(void *handle, int count, FieldValue *values) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (!code) code = fault_now(&gpu->fields_call, machine.now_ns);
    for (int i = 0; !code && i < count; i++) show_field(&machine, gpu, &values[i]);
    return code;
}

typedef struct {
    unsigned long long stamp_us;
    unsigned long long value;
} Sample;

/* Like the real one it answers the number of samples where no room is given for them. */
int nvmlDeviceGetSamples(void *handle, int kind, unsigned long long last_us, int *value_type,
                         unsigned int *count, Sample *shown) {
    Machine machine;
    Gpu *gpu;
    unsigned int found = 0;
    int code = find(handle, &machine, &gpu);
    if (!code && (kind != 0 || !gpu->samples.count)) code = NOT_SUPPORTED;
    if (!code) code = fault_now(&gpu->samples.fault, machine.now_ns);
    if (code) return code;
    long long newest = newest_sample(&machine, &gpu->samples);
    for (long long i = newest - gpu->samples.count + 1; i <= newest; i++) {
        long long taken_ns = sample_ns(&machine, &gpu->samples, i);
        unsigned long long stamp_us = sample_stamp_us(&machine, taken_ns);
        if (i < 0 || stamp_us <= last_us) continue;
        if (shown && found == *count) break;
        if (shown) {
            double power_mw = sampled_mw(&machine, gpu, taken_ns);
            shown[found] = (Sample){stamp_us, (unsigned int)(power_mw + 0.5)};
        }
        found++;
    }
    *value_type = 1;
    *count = found;
    return found ? SUCCESS : NOT_FOUND;
}

int nvmlDeviceGetMigMode(void *handle, unsigned int *current, unsigned int *pending) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (!code && !gpu->partitions) code = NOT_SUPPORTED;
    if (!code) *current = *pending = (unsigned int)gpu->partitions - 1;
    return code;
}

int nvmlDeviceGetMaxMigDeviceCount(void *handle, unsigned int *count) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (!code) *count = gpu->partitions ? MAX_INSTANCES : 0;
    return code;
}

int nvmlDeviceGetMigDeviceHandleByIndex(void *handle, unsigned int index, void **instance) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (code) return code;
    if (index >= (unsigned int)gpu->instance_count) return NOT_FOUND;
    *instance = (void *)((size_t)handle | ((size_t)index + 1) << INSTANCE_BITS);
    return SUCCESS;
}

typedef struct {
    unsigned int pid;
    unsigned long long memory_bytes;
    unsigned int gpu_instance, compute_instance;
} ProcessInfo;

/* Memory below zero stands for *not available*. */
static ProcessInfo process_info(const Process *process) {
    return (ProcessInfo){process->pid, (unsigned long long)process->memory_bytes, ~0U, ~0U};
}

static int list_processes(void *handle, int draws, unsigned int *count, ProcessInfo *infos) {
    Machine machine;
    Gpu *gpu;
    unsigned int room = *count, found = 0;
    int code = find(handle, &machine, &gpu);
    if (!code) code = fault_now(&gpu->processes_call, machine.now_ns);
    for (int i = 0; !code && i < gpu->process_count; i++) {
        if (gpu->processes[i].draws != draws) continue;
        if (infos && found < room) infos[found] = process_info(&gpu->processes[i]);
        found++;
    }
    if (!code) *count = found;
    return code ? code : found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned int *count, ProcessInfo *infos) {
    return list_processes(handle, 0, count, infos);
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(void *handle, unsigned int *count,
                                             ProcessInfo *infos) {
    return list_processes(handle, 1, count, infos);
}

typedef struct {
    unsigned int pid;
    unsigned long long stamp_us;
    unsigned int sm_percent, memory_percent, encoder_percent, decoder_percent;
} ProcessUse;

/* Like the real one it answers the number of samples where no room is given for them, and does
 * not support GPUs that are partitioned. */
int nvmlDeviceGetProcessUtilization(void *handle, ProcessUse *shown, unsigned int *count,
                                    unsigned long long last_us) {
    Machine machine;
    Gpu *gpu;
    unsigned int room = *count, found = 0;
    int code = find(handle, &machine, &gpu);
    if (!code && (!gpu->shows_use || gpu->partitions > 1)) code = NOT_SUPPORTED;
    if (!code) code = fault_now(&gpu->use_call, machine.now_ns);
    for (int i = 0; !code && i < gpu->use_count; i++) {
        const Use *use = &gpu->uses[i];
        long long taken_ns = machine.now_ns - (long long)(use->late_s * 1e9);
        unsigned long long stamp_us = sample_stamp_us(&machine, taken_ns);
        if (stamp_us <= last_us) continue;
        if (shown && found < room)
            shown[found] = (ProcessUse){use->pid, stamp_us, use->percent, 0, 0, 0};
        found++;
    }
    if (code) return code;
    *count = found;
    return !found ? NOT_FOUND : !shown || found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

typedef struct {
    unsigned long long total_bytes, free_bytes, used_bytes;
} MemoryInfo;

int nvmlDeviceGetMemoryInfo(void *handle, MemoryInfo *memory) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    unsigned long long total_bytes = 80ULL << 30;
    if (!code) *memory = (MemoryInfo){total_bytes, total_bytes - gpu->used_bytes, gpu->used_bytes};
    return code;
}

typedef struct {
    char legacy_bus_id[16];
    unsigned int domain, bus, device, pci_device_id, pci_subsystem_id;
    char bus_id[32];
} PciInfo;

int nvmlDeviceGetPciInfo_v3(void *handle, PciInfo *info) {
    Machine machine;
    Gpu *gpu;
    int code = find(handle, &machine, &gpu);
    if (!code && !*gpu->bus_id) code = NOT_SUPPORTED;
    memset(info, 0, sizeof *info);
    if (!code) snprintf(info->bus_id, sizeof info->bus_id, "%s", gpu->bus_id);
    return code;
}

/* Conditions are known where the configuration states them. */
static int find_conditions(void *handle, Machine *machine, Conditions **conditions) {
    Gpu *gpu;
    int code = find(handle, machine, &gpu);
    if (code) return code;
    *conditions = &gpu->conditions;
    return gpu->conditions.known ? SUCCESS : NOT_SUPPORTED;
}

int nvmlDeviceGetClockInfo(void *handle, int kind, unsigned int *clock_mhz) {
    Machine machine;
    Conditions *now;
    int code = find_conditions(handle, &machine, &now);
    if (!code) *clock_mhz = kind == 2 ? now->memory_clock_mhz : now->clock_mhz;
    return code;
}

int nvmlDeviceGetTemperature(void *handle, int sensor, unsigned int *temperature_c) {
    Machine machine;
    Conditions *now;
    int code = find_conditions(handle, &machine, &now);
    (void)sensor;
    if (!code) *temperature_c = now->temperature_c;
    return code;
}

int nvmlDeviceGetPowerManagementLimit(void *handle, unsigned int *limit_mw) {
    Machine machine;
    Conditions *now;
    int code = find_conditions(handle, &machine, &now);
    if (!code) *limit_mw = now->limit_mw;
    return code;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(void *handle, unsigned long long *reasons) {
    Machine machine;
    Conditions *now;
    int code = find_conditions(handle, &machine, &now);
    if (!code) *reasons = now->reasons;
    return code;
}

int nvmlDeviceGetCurrentClocksEventReasons(void *handle, unsigned long long *reasons) {
    Machine machine;
    Conditions *now;
    int code = find_conditions(handle, &machine, &now);
    if (!code && now->older_driver) code = NOT_SUPPORTED;
    if (!code) *reasons = now->reasons;
    return code;
}
