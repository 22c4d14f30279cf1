"""Where texts stand in the tables of ``nsys export``, and what becomes of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from traceql.share.redact import removed as kinds
from traceql.share.redact.texts import NO_ANNOTATIONS, NO_UUID, PLACE
from traceql.share.redact.words import words

if TYPE_CHECKING:
    import pyarrow as pa

#: Column with the id of a text → what such texts are for; see `strings.String`.
USES: Final = {
    **dict.fromkeys(("demangledName", "shortName", "mangledName", "kernelName"), "kernel"),
    **dict.fromkeys(("textId", "jsonTextId"), "range"),
    **dict.fromkeys(("nameId", "endNameId"), "call"),
    **dict.fromkeys(("symbol", "CpuInstruction", "funcName", "varName"), "function"),
    **dict.fromkeys(("module", "sourceFile", "srcFile"), "file"),
    "fieldNameId": "metric",
    "filenameId": "stream",
    "contentId": "output",
}
#: Tables whose rows may be of processes that were not profiled.
OF_ALL_PROCESSES: Final = words(
    "PROCESSES ThreadNames ProcessStreams ANALYSIS_FILE DIAGNOSTIC_EVENT SCHED_EVENTS COMPOSITE_EVENTS"
)

_TABLES: Final = re.compile(
    r"StringIds|ThreadNames|ProcessStreams|PROCESSES|UnwindMethodType|SCHED_EVENTS|COMPOSITE_EVENTS|EXPORT_META_DATA"
    r"|SYSCALL"
    r"|(?:ENUM|ANALYSIS|DIAGNOSTIC|META_DATA|TARGET_INFO|CUPTI_ACTIVITY_KIND|CUDA|CUDNN|CUBLAS|NVTX|OSRT|SAMPLING"
    r"|PROFILER|MPI|OPENMP|OPENGL|OPENACC|OPENSHMEM|UCX|UCP|NCCL|VULKAN|D3D11|D3D12|DX11|DX12|DXGI|KHR|WDDM|NVVIDEO|NVMEDIA"
    r"|GPU|SLI|ETW|FECS|NET|NIC|NV|GENERIC|DEMOTED_BYTES|TOTAL_BYTES|PERF|SOC|PMU|FTRACE|SYSCALL|PYTHON)_[A-Z0-9_]+"
)

_FREE: Final = words(
    "DIAGNOSTIC_EVENT.text UnwindMethodType.name TARGET_INFO_GPU.name TARGET_INFO_GPU.busLocation "
    "TARGET_INFO_GPU.chipName TARGET_INFO_GPU.uuid TARGET_INFO_CUDA_GPU.name "
    "TARGET_INFO_CUDA_GPU.pciBusId TARGET_INFO_GPU_METRICS.typeName TARGET_INFO_GPU_METRICS.metricName "
    "TARGET_INFO_COMPONENT.name TARGET_INFO_PERF_METRIC.name TARGET_INFO_PERF_METRIC.description "
    "TARGET_INFO_PERF_METRIC.unit "
    "TARGET_INFO_NIC_INFO.name TARGET_INFO_NIC_INFO.stateName TARGET_INFO_PROCESS.openGlVersion "
    "NVTX_PAYLOAD_SCHEMAS.name NVTX_PAYLOAD_SCHEMA_ENTRIES.name NVTX_PAYLOAD_SCHEMA_ENTRIES.description "
    "NVTX_PAYLOAD_ENUMS.name NVTX_PAYLOAD_ENUM_ENTRIES.name"
)
_NAMES: Final = words(
    "NVTX_EVENTS.jsonText CUDA_GPU_MEMORY_USAGE_EVENTS.name TARGET_INFO_NVTX_CUDA_CONTEXT.name "
    "NVTX_SCOPES.path TARGET_INFO_NVTX_CUDA_DEVICE.name TARGET_INFO_NVTX_CUDA_STREAM.name"
)
_FILES: Final = frozenset({"TARGET_INFO_GPU.ctxswDevPath", "TARGET_INFO_GPU.ctrlDevPath"})

#: A time as the export prints it.
TIME: Final = re.compile(r"[-+:./\d\sT()]*[A-Z]{0,5}")
#: The name of an option.
KEY: Final = re.compile(r"[A-Z0-9_:]+")
#: What says which counter of the system or of a CPU was recorded.
COUNTER: Final = re.compile(r"LINUX_PERF_OPTIONS:EVENT_\d+:(?:NAME|DESCRIPTION|UNIT|COMP_TYPE)")
#: The machine where nsys itself ran.
LOCAL: Final = "Local (CLI)"

#: Option, without its number → what becomes of its value.
OPTIONS: Final = {
    "ARGUMENT": "arguments",
    "ENVIRONMENT_VARIABLE": "variables",
    "COMMAND": "program",
    "DEVICE_ID": "device",
    "WORKING_DIR": "folder",
    "USER_NAME": "user",
    "EXPORT_USER": "user",
    "DEVICE_DISPLAY_NAME": "host",
    "EXPORT_HOST": "host",
    "PROFILING_SESSION_UUID": "session",
    "PROFILING_SESSION_ID": "session",
    "PACKAGE_NAME": "program name",
    "DAEMON_ADDRESS": "address",
    "ENCODED_JSON": "annotations",
    "JSON_PATH": "folder",
}
#: What becomes of a value → its kind, and what stands there.
EMPTIED: Final = {
    "folder": (kinds.PATH, PLACE),
    "user": (kinds.USER, ""),
    "host": (kinds.HOST, "host"),
    "session": (kinds.IDENTIFIER, NO_UUID),
    "program name": (kinds.COMMAND_LINE, ""),
    "annotations": (kinds.COMMAND_LINE, NO_ANNOTATIONS),
    "address": (kinds.ADDRESS, "0.0.0.0"),  # noqa: S104 - nothing is bound
}
#: Options whose values are words of nsys's own.
TOLD: Final = words(
    "CAPTURE_EVENT_TYPE COLLECTION_MODE CPU_IP_TRIGGER_TYPE CUDA_TRACE_SCOPE DEVICE_TYPE HOW_TO_ATTACH "
    "MODE MPI_IMPLEMENTATION START_TRIGGER STOP_TRIGGER NVTX_DOMAIN_FILTER_STRING EXPORT_ARCH "
    "EXPORT_PARAM_EXPORT_TYPE EXPORT_PLATFORM EXPORT_PRODUCT_NAME EXPORT_PRODUCT_VERSION EXPORT_PRODUCT_DATE "
    "EXPORT_SCHEMA_VERSION EXPORT_SCHEMA_VERSION_CKSUM EXPORT_TIME EXPORT_TIME_LOCAL EXPORT_TIME_UTC"
)

#: Property of the machine → its kind, and what stands there.
PROPERTIES_EMPTIED: Final = {
    "DeviceEnvironment": (kinds.ENVIRONMENT, ""),
    "Hostname": (kinds.HOST, "host"),
    "TargetInstallDir": (kinds.PATH, ""),
    "InjectionFilesStoragePath": (kinds.PATH, ""),
    "KernelVersion": (kinds.UNUSED, ""),
    "OfedDriverVersion": (kinds.UNUSED, ""),
    "SocInfo": (kinds.UNUSED, ""),
    "SystemUID": (kinds.IDENTIFIER, "pid:[0]"),
    "NamespacePID": (kinds.IDENTIFIER, "pid:[0]"),
}
#: Properties that describe the machine and tell nobody's name.
PROPERTIES_TOLD: Final = words(
    "CpuArchitecture SupportedABIs Supported64BitABIs CpuDescription CpuInfo NvDriverVersion "
    "HardwarePlatform SoftwarePlatform OsDescription EventLibSourcesInfo SupportedFTraceEvents "
    "QnxKernelTraceInfo GpuInfo GpuMetricsConfig GpuMetricsSupportedGpus NicInfo LinuxPerfInfo ArmCores "
    "PluginsInfo"
)


def is_known(table: str) -> bool:
    """Whether nsys writes a table of that name."""
    return _TABLES.fullmatch(table) is not None


def is_text(column_type: pa.DataType) -> bool:
    """Whether a column holds texts or bytes."""
    return str(column_type) in ("string", "large_string", "binary", "large_binary")


def action_of(table: str, column: str) -> str | None:
    """What becomes of the texts of a column; None where none is known."""
    name = f"{table}.{column}"
    if name in _FREE or (table.startswith("ENUM_") and column in ("name", "label")):
        return "free"
    if name in _NAMES:
        return "name"
    if name in _FILES:
        return "files"
    return {
        "ANALYSIS_FILE.filename": "path",
        "ANALYSIS_FILE.content": "output",
        **dict.fromkeys(
            (f"TARGET_INFO_SESSION_START_TIME.{which}" for which in ("utcTime", "localTime")), "time"
        ),
    }.get(name)
