-- Health of every kind of cloudpolicy.dev, for Argo CD. The same script serves Policy, NetworkPolicy, Connection and
-- ClusterConnection: they share their conditions.
--
-- Healthy: Ready is true for the newest spec. Degraded: a human is needed (Stalled). Suspended: spec.suspend.
-- Progressing: everything else, such as an upstream that is away for a while: the operator goes on by itself.
local function health(status, message)
  return { status = status, message = message or "" }
end

local status = obj.status or {}
if status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "Waiting for the operator to look at the newest spec.")
end

local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready = conditions["Ready"]

if obj.spec ~= nil and obj.spec.suspend == true then
  return health("Suspended", ready and ready.message)
end
if conditions["Stalled"] ~= nil and conditions["Stalled"].status == "True" then
  return health("Degraded", conditions["Stalled"].reason .. ": " .. conditions["Stalled"].message)
end
if ready == nil then
  return health("Progressing", "Waiting for the first result.")
end
if ready.status == "True" then
  return health("Healthy", ready.message)
end
return health("Progressing", ready.reason .. ": " .. ready.message)
