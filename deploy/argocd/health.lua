-- Health of the four kinds of cloudpolicy.dev for Argo CD: one script, because they share their conditions.
--
-- Healthy: Ready is true for the newest spec.
-- Suspended: spec.suspend.
-- Degraded: nothing will change until somebody does something (Stalled, or a difference that is only reported).
-- Progressing: everything else. The operator goes on by itself, such as when an upstream is away for a while.
--
-- Argo CD runs it in Lua 5.1 without the standard library (no string, no math), and not for objects that are being
-- deleted: those are Progressing.
local function health(status, condition, otherwise)
  if condition == nil then
    return { status = status, message = otherwise }
  end
  return { status = status, message = condition.reason .. ": " .. condition.message }
end

local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready = conditions.Ready

if status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", nil, "Waiting for the operator to look at the newest spec.")
end
if ready == nil then
  return health("Progressing", nil, "Waiting for the first result.")
end
if obj.spec.suspend == true then
  return health("Suspended", ready)
end
if conditions.Stalled ~= nil and conditions.Stalled.status == "True" then
  return health("Degraded", ready)
end
if ready.status == "True" then
  return health("Healthy", ready)
end
-- The operator was told not to write, so it will not go on.
if ready.reason == "DriftReported" or ready.reason == "Observed" then
  return health("Degraded", ready)
end
return health("Progressing", ready)
